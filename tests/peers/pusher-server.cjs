// Channels that speak Pusher's protocol, version 7: what an event says is JSON in a string. Private channels and such that
// say who is there want a signature with SECRET; whoever is silent for a while is asked whether they are there.
//
//   node pusher-server.cjs PORT       SECRET signs, and any signature does where there is none; NODE_PATH says where the
//                                     packages are

const { createHmac, randomInt } = require("node:crypto");
const { WebSocketServer } = require("ws");

const sockets = new Set();

const sign = (text) => createHmac("sha256", process.env.SECRET).update(text).digest("hex");

function say(socket, event, channel, data) {
  socket.send(JSON.stringify({ event, ...(channel && { channel }), ...(data && { data: JSON.stringify(data) }) }));
}

function publish(channel, event, data, but) {
  for (const other of sockets) if (other !== but && other.channels.has(channel)) say(other, event, channel, data);
}

function present(channel) {
  const hash = Object.fromEntries(
    [...sockets].filter((other) => other.channels.get(channel)).map(({ channels }) => {
      const { user_id, user_info } = channels.get(channel);
      return [user_id, user_info];
    }),
  );
  return { ids: Object.keys(hash), hash, count: Object.keys(hash).length };
}

function subscribe(socket, { channel, auth, channel_data }) {
  if (/^(private|presence)-/.test(channel)) {
    const signed = [socket.id, channel, ...(channel_data ? [channel_data] : [])].join(":");
    const fits = process.env.SECRET ? auth === `key:${sign(signed)}` : channel !== "private-closed";
    if (!fits) {
      const error = { type: "AuthError", error: "The signature does not fit.", status: 401 };
      return say(socket, "pusher:subscription_error", channel, error);
    }
  }
  const member = channel_data && JSON.parse(channel_data);
  if (member) publish(channel, "pusher_internal:member_added", member, socket);
  socket.channels.set(channel, member);
  say(socket, "pusher_internal:subscription_succeeded", channel, member ? { presence: present(channel) } : {});
}

function hear(socket, { event, channel, data }) {
  if (event === "pusher:ping") return say(socket, "pusher:pong", undefined, {});
  if (event === "pusher:subscribe") return subscribe(socket, data);
  if (event === "pusher:unsubscribe") return socket.channels.delete(data.channel);
  if (!event.startsWith("client-") || !socket.channels.has(channel)) return undefined;
  publish(channel, event, data, socket);
  // What a server does that is told of client events.
  if (event !== "client-say") return undefined;
  socket.said += 1;
  return setTimeout(publish, 1 + randomInt(15), channel, "said", { number: socket.said, text: data.text });
}

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]) });
server.on("connection", (socket, { url }) => {
  if (!url.startsWith("/app/key?")) {
    socket.send(JSON.stringify({ event: "pusher:error", data: { code: 4001, message: "No such application." } }));
    return socket.close(4001);
  }
  Object.assign(socket, { id: `${randomInt(1e9)}.${randomInt(1e9)}`, channels: new Map(), said: 0 });
  sockets.add(socket);
  const ask = setInterval(() => say(socket, "pusher:ping"), randomInt(40, 110));
  say(socket, "pusher:connection_established", undefined, { socket_id: socket.id, activity_timeout: 30 });
  socket.on("message", (text) => {
    ask.refresh();
    hear(socket, JSON.parse(text));
  });
  return socket.on("close", () => {
    clearInterval(ask);
    sockets.delete(socket);
    for (const [channel, member] of socket.channels) {
      if (member) publish(channel, "pusher_internal:member_removed", { user_id: member.user_id }, socket);
    }
  });
});
