// A hub that speaks SignalR's protocol, as JSON or as MessagePack, whichever the client's handshake asks for. What is due
// at once goes in one frame, as it does where the real one writes through a pipe.
//
//   node signalr-server.cjs PORT       NODE_PATH says where the packages are

const { randomInt } = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");
const { decodeMulti, encode } = require("@msgpack/msgpack");
const { WebSocketServer } = require("ws");

const end = "\u001e";
const sockets = new Set();

const json = {
  read: (data) => data.toString().split(end).slice(0, -1).map(JSON.parse),
  write: (messages) => messages.map((message) => JSON.stringify(message) + end).join(""),
};

// Messages are lists here, each with its length before it, seven bits a byte.
const messagepack = {
  read(data) {
    const messages = [];
    for (let at = 0; at < data.length; ) {
      let [length, bits] = [0, 0];
      do length |= (data[at] & 127) << bits;
      while (((bits += 7), data[at++] & 128));
      const [[type, , invocationId, target, args]] = decodeMulti(data.subarray(at, (at += length)));
      messages.push({ type, invocationId: invocationId ?? undefined, target, arguments: args });
    }
    return messages;
  },
  write: (messages) =>
    Buffer.concat(
      messages.flatMap(({ type, invocationId, target, arguments: args, item, error, result }) => {
        const body = encode(
          {
            1: () => [1, {}, invocationId ?? null, target, args, []],
            2: () => [2, {}, invocationId, item],
            3: () => [3, {}, invocationId, ...(error ? [1, error] : result === undefined ? [2] : [3, result])],
            6: () => [6],
            7: () => [7, error ?? null],
          }[type](),
        );
        const length = [];
        for (let rest = body.length; ; rest >>= 7) {
          length.push((rest & 127) | (rest > 127 ? 128 : 0));
          if (rest < 128) break;
        }
        return [Buffer.from(length), body];
      }),
    ),
};

// What may be called; those that yield are streams.
const hub = {
  async Say(socket, user, text) {
    for (const other of sockets) {
      // A build that was changed calls the text something else.
      const said = process.env.PEER_CHANGED ? { message: text } : { text };
      other.say({ type: 1, target: "Said", arguments: [{ id: `m${randomInt(1e9)}`, user, ...said }] });
    }
  },
  async Add(socket, ...numbers) {
    await sleep(randomInt(20));
    return numbers.reduce((sum, number) => sum + number, 0);
  },
  async Refuse() {
    throw new Error("This is never allowed.");
  },
  async *Count(socket, upTo) {
    for (let number = 1; number <= upTo; number += 1) {
      await sleep(2 + randomInt(8));
      yield { number, square: number * number };
    }
  },
};

async function call(socket, { type, invocationId, target, arguments: args }) {
  if (type !== 1 && type !== 4) return;
  const done = (answer) => invocationId && socket.say({ type: 3, invocationId, ...answer });
  try {
    const answer = hub[target](socket, ...args);
    if (type === 1) return done({ result: await answer });
    for await (const item of answer) socket.say({ type: 2, invocationId, item });
    done({});
  } catch ({ message }) {
    done({ error: `An unexpected error occurred invoking '${target}' on the server. HubException: ${message}` });
  }
}

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), path: "/hub" });
server.on("connection", (socket) => {
  let [protocol, due] = [undefined, []];
  const send = (data) => socket.send(data, { binary: protocol === messagepack });
  socket.say = (message) => {
    if (due.push(message) > 1) return;
    setImmediate(() => send(protocol.write(due.splice(0))));
  };
  const ping = setInterval(() => protocol && socket.say({ type: 6 }), 60 + randomInt(80));
  socket.on("message", (data) => {
    if (!protocol) {
      protocol = { json, messagepack }[json.read(data)[0].protocol];
      send(Buffer.from(`{}${end}`));
      sockets.add(socket);
      return;
    }
    for (const message of protocol.read(data)) call(socket, message);
  });
  socket.on("close", () => {
    clearInterval(ping);
    sockets.delete(socket);
  });
});
