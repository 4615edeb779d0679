// A player on Colyseus's own client: joins a game of its own, draws and plays a few cards, and leaves.
//
//   node colyseus-client.cjs URL       NODE_PATH says where the packages are

const { setTimeout: sleep } = require("node:timers/promises");
const { Client } = require("@colyseus/sdk");

const any = (list) => list[Math.floor(Math.random() * list.length)];
const pause = () => sleep(5 + Math.random() * 95);

async function main() {
  const room = await new Client(process.argv[2]).create("game", { name: any(["Ada", "Bob", "Cleo", "Dan"]) });
  const next = (type) => new Promise((done) => (waiting[type] = done));
  const waiting = {};
  for (const type of ["welcome", "drawn", "played"]) {
    room.onMessage(type, (message) => {
      waiting[type]?.(message);
    });
  }
  await next("welcome");
  for (let turns = 2 + Math.floor(Math.random() * 4); turns > 0; turns -= 1) {
    await pause();
    const drawn = next("drawn");
    room.send("draw", { pile: any(["left", "right"]) });
    const { card } = await drawn;
    await pause();
    const played = next("played");
    room.send("play", { card });
    await played;
  }
  await pause();
  await room.leave();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
