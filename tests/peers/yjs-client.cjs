// Two who write in one document, on yjs and y-websocket: they meet in a room of their own, say who they are, write in turn
// and at once, and leave when both have everything.
//
//   node yjs-client.cjs URL [alone]      NODE_PATH says where the packages are
//
// With `alone` one writes for herself: what she writes can be written again without anybody else.

const { randomUUID } = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");
const { WebSocket } = require("ws");
const { WebsocketProvider } = require("y-websocket");
const Y = require("yjs");

const words = ["The ", "moon ", "is ", "far ", "away, ", "some ", "say. "];
const any = (list) => list[Math.floor(Math.random() * list.length)];
// As somebody who looks at what she wrote.
const look = () => sleep(60 + Math.random() * 90);
const pause = () => sleep(5 + Math.random() * 95);

function enter(url, room, name) {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(url, room, doc, { WebSocketPolyfill: WebSocket, disableBc: true });
  provider.awareness.setLocalStateField("user", { name });
  return { doc, provider, text: doc.getText("text"), synced: new Promise((done) => provider.once("sync", done)) };
}

async function alone(url) {
  const ada = enter(url, `room-${randomUUID().slice(0, 8)}`, "Ada");
  await ada.synced;
  for (let turns = 2 + Math.floor(Math.random() * 4); turns > 0; turns -= 1) {
    await look();
    ada.text.insert(ada.text.length, any(words));
    ada.provider.awareness.setLocalStateField("cursor", { at: ada.text.length });
  }
  await look();
  ada.provider.destroy();
}

async function main() {
  if (process.argv[3] === "alone") return alone(process.argv[2]);
  const room = `room-${randomUUID().slice(0, 8)}`;
  const ada = enter(process.argv[2], room, "Ada");
  await ada.synced;
  await pause();
  ada.text.insert(0, any(words));
  const bob = enter(process.argv[2], room, "Bob");
  await bob.synced;
  for (let turns = 2 + Math.floor(Math.random() * 4); turns > 0; turns -= 1) {
    await pause();
    const writer = any([ada, bob]);
    writer.text.insert(writer.text.length, any(words));
    writer.provider.awareness.setLocalStateField("cursor", { at: writer.text.length });
  }
  await pause();
  ada.text.insert(0, any(words));
  bob.text.insert(bob.text.length, any(words));
  for (let tries = 0; ada.text.toString() !== bob.text.toString(); tries += 1) {
    if (tries === 500) throw new Error("they never agree");
    await sleep(10);
  }
  await pause();
  bob.provider.destroy();
  await pause();
  ada.provider.destroy();
}

main().then(() => setTimeout(process.exit, 100, 0));
