// A guest on Rails' own client of ActionCable: subscribes to a room or two, says something a few times, stays a while, so
// that the server's ping comes now and then, unsubscribes and goes.
//
//   node actioncable-client.cjs URL       NODE_PATH says where the packages are

const { randomInt } = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");
const { WebSocket } = require("ws");

// What it expects of a browser.
Object.assign(globalThis, { document: { visibilityState: "visible" }, addEventListener() {}, removeEventListener() {} });
const { adapters, createConsumer } = require("@rails/actioncable");
adapters.WebSocket = WebSocket;

const any = (list) => list[randomInt(list.length)];
const pause = () => sleep(5 + randomInt(95));

async function main() {
  const consumer = createConsumer(`${process.argv[2]}?name=${any(["ada", "bob", "cleo", "dan"])}`);
  let heard;
  const enter = (room) =>
    new Promise((done) => {
      const channel = consumer.subscriptions.create(
        { channel: "RoomChannel", room },
        {
          connected: () => done(channel),
          rejected: () => done(undefined),
          received: (message) => message.id && heard?.(message),
        },
      );
    });
  const room = await enter(any(["kitchen", "garden", "roof"]));
  for (let turns = 2 + randomInt(4); turns > 0; turns -= 1) {
    await pause();
    const told = new Promise((done) => (heard = done));
    room.perform("say", { text: any(["hello", "is anybody here?", "good night", "coffee!"]) });
    await told;
  }
  if (randomInt(3) === 0) await enter("closed");
  await sleep(randomInt(2500));
  room.unsubscribe();
  await pause();
  consumer.disconnect();
  setTimeout(process.exit, 100, 0);
}

main();
