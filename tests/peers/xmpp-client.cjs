// A client of XMPP over WebSocket, on @xmpp/client: it logs in, says that it is there, asks what the server can do, writes
// to itself a few times and goes.
//
//   node xmpp-client.cjs URL       PASSWORD is that of the user ada; NODE_PATH says where the packages are

const { randomInt, randomUUID } = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");
const { client, xml } = require("@xmpp/client");

// Nodes of before 22 have none of their own.
globalThis.WebSocket ??= require("ws");

const any = (list) => list[randomInt(list.length)];
const pause = () => sleep(5 + randomInt(95));

async function main() {
  const xmpp = client({
    service: process.argv[2],
    domain: "localhost",
    username: "ada",
    password: process.env.PASSWORD,
  });
  xmpp.on("error", console.error);
  let heard;
  xmpp.on("stanza", (stanza) => stanza.is("message") && heard?.(stanza));
  const self = await xmpp.start();
  await xmpp.send(xml("presence", {}, xml("show", {}, any(["chat", "away", "dnd"])), xml("priority", {}, "1")));
  await pause();
  await xmpp.iqCaller.get(xml("query", "http://jabber.org/protocol/disco#info"), "localhost");
  for (let turns = 2 + randomInt(4); turns > 0; turns -= 1) {
    await pause();
    const next = new Promise((done) => (heard = done));
    const body = any(["hello", "is anybody here?", "good <night> & thanks", "coffee!"]);
    await xmpp.send(xml("message", { to: self.toString(), type: "chat", id: randomUUID() }, xml("body", {}, body)));
    await next;
  }
  await pause();
  if (randomInt(3) === 0) {
    await xmpp.iqCaller.get(xml("query", "urn:example:unknown"), "localhost").catch(() => {});
  }
  await xmpp.stop();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
