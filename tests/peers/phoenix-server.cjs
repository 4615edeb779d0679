// Rooms that speak as Phoenix's channels do, version 2.0.0 of its serializer: every message is a list of the join's
// reference, its own reference, a topic, an event and a payload.
//
//   node phoenix-server.cjs PORT       NODE_PATH says where the packages are

const { randomBytes } = require("node:crypto");
const { WebSocketServer } = require("ws");

const sockets = new Set();

function broadcast(topic, event, payload) {
  for (const other of sockets) {
    if (other.joined.has(topic)) other.send(JSON.stringify([null, null, topic, event, payload]));
  }
}

// What channels do with the events of their own: each answers with a status and what it says.
const events = {
  shout(topic, { body }, socket) {
    if (!body) return ["error", { reason: "empty" }];
    setTimeout(broadcast, 1 + Math.random() * 4, topic, "new_msg", { id: (socket.count += 1), body });
    return ["ok", { at: new Date().toISOString() }];
  },
  rename(topic, { name }) {
    if (name.length > 8) return ["error", { reason: "too long", limit: 8 }];
    broadcast(topic, "renamed", { name });
    return ["ok", {}];
  },
};

function hear(socket, [joinRef, ref, topic, event, payload]) {
  const say = (...message) => socket.send(JSON.stringify(message));
  const reply = (status, response) => say(joinRef, ref, topic, "phx_reply", { status, response });
  if (topic === "phoenix") return reply("ok", {});
  if (event === "phx_join") {
    if (!/^(room|user):/.test(topic)) return reply("error", { reason: "unmatched topic" });
    socket.joined.set(topic, joinRef);
    reply("ok", {});
    const meta = { phx_ref: randomBytes(12).toString("base64url"), online_at: String(Math.floor(Date.now() / 1000)) };
    return say(joinRef, null, topic, "presence_state", { [payload.name]: { metas: [meta] } });
  }
  if (socket.joined.get(topic) !== joinRef) return reply("error", { reason: "unmatched topic" });
  if (event === "phx_leave") {
    socket.joined.delete(topic);
    reply("ok", {});
    return say(joinRef, joinRef, topic, "phx_close", {});
  }
  if (!Object.hasOwn(events, event)) {
    socket.joined.delete(topic);
    return say(joinRef, joinRef, topic, "phx_error", {});
  }
  const [status, response] = events[event](topic, payload, socket);
  // A build that was changed answers under the join's reference.
  if (process.env.PEER_CHANGED) return say(joinRef, joinRef, topic, "phx_reply", { status, response });
  return reply(status, response);
}

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), path: "/socket/websocket" });
server.on("connection", (socket) => {
  socket.joined = new Map();
  socket.count = 0;
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
  socket.on("message", (text) => hear(socket, JSON.parse(text)));
});
