// A client of a hub on SignalR's own client: it calls, is refused, listens to a stream, says something and goes.
//
//   node signalr-client.cjs URL json|msgpack [in-turn]      NODE_PATH says where the packages are

const { randomInt } = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");
const { HttpTransportType, HubConnectionBuilder, JsonHubProtocol, LogLevel } = require("@microsoft/signalr");
const { MessagePackHubProtocol } = require("@microsoft/signalr-protocol-msgpack");

const any = (list) => list[randomInt(list.length)];
const pause = () => sleep(5 + randomInt(95));
const inTurn = process.argv[4] === "in-turn";

async function main() {
  const connection = new HubConnectionBuilder()
    .withUrl(process.argv[2].replace(/^ws/, "http"), { skipNegotiation: true, transport: HttpTransportType.WebSockets })
    .withHubProtocol(process.argv[3] === "msgpack" ? new MessagePackHubProtocol() : new JsonHubProtocol())
    .configureLogging(LogLevel.Error)
    .build();
  connection.keepAliveIntervalInMilliseconds = 120;
  let heard;
  connection.on("Said", (message) => heard?.(message));
  await connection.start();
  const listen = () =>
    new Promise((done, failed) =>
      connection.stream("Count", 2 + randomInt(5)).subscribe({ next() {}, complete: done, error: failed }),
    );
  const user = any(["Ada", "Bob", "Cleo", "Dan"]);
  for (let turns = 2 + randomInt(4); turns > 0; turns -= 1) {
    await pause();
    const said = new Promise((done) => (heard = done));
    await Promise.all([said, connection.invoke("Say", user, any(["hello", "is anybody here?", "good night", "coffee!"]))]);
  }
  await pause();
  const add = () => connection.invoke("Add", randomInt(100), randomInt(100));
  if (inTurn) {
    await add();
    await listen();
  } else {
    await Promise.all([add(), listen()]);
  }
  if (randomInt(2) === 0) await connection.invoke("Refuse").catch(() => {});
  await pause();
  const said = new Promise((done) => (heard = done));
  await connection.send("Say", user, "bye");
  await said;
  await connection.stop();
}

main().then(() => process.exit(0));
