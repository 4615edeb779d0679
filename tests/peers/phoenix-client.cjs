// A guest on Phoenix's own client: joins two topics, shouts, renames itself, leaves one of them and goes.
//
//   node phoenix-client.cjs URL       NODE_PATH says where the packages are

const { randomInt } = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");
const { Socket } = require("phoenix");
const { WebSocket } = require("ws");

const any = (list) => list[randomInt(list.length)];
const pause = () => sleep(5 + randomInt(95));
const sent = (push) =>
  new Promise((done) => push.receive("ok", done).receive("error", done).receive("timeout", () => done()));

async function main() {
  const name = any(["ada", "bob", "cleo", "dan"]);
  const socket = new Socket(process.argv[2], { transport: WebSocket, heartbeatIntervalMs: 150 });
  socket.connect();
  const room = socket.channel("room:lobby", { name });
  const self = socket.channel(`user:${randomInt(100000)}`, { name });
  let heard;
  room.on("new_msg", (message) => heard?.(message));
  room.on("renamed", () => {});
  await Promise.all([sent(room.join()), sent(self.join())]);
  for (let turns = 2 + randomInt(4); turns > 0; turns -= 1) {
    await pause();
    const next = new Promise((done) => (heard = done));
    const body = any(["hello", "is anybody here?", "the moon is far", "good night", "coffee!"]);
    await Promise.all([sent(room.push("shout", { body })), next]);
  }
  await pause();
  await sent(self.push("rename", { name: any(["Ada", "Robert", "Bartholomew", "Clementine"]) }));
  await pause();
  await sent(room.leave());
  await pause();
  socket.disconnect(() => process.exit(0));
}

main();
