// A guest on Pusher's own client: subscribes to a public, a private and a presence channel, says something a few times,
// now and then knocks at a door that stays closed, and goes.
//
//   node pusher-client.cjs URL       SECRET signs; NODE_PATH says where the packages are

const { createHmac, randomInt } = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");
const Pusher = require("pusher-js");

const any = (list) => list[randomInt(list.length)];
const pause = () => sleep(5 + randomInt(95));
const { hostname, port } = new URL(process.argv[2]);
const name = any(["Ada", "Bob", "Cleo", "Dan"]);

const pusher = new Pusher("key", {
  wsHost: hostname,
  wsPort: Number(port),
  cluster: "",
  forceTLS: false,
  enabledTransports: ["ws"],
  disableStats: true,
  activityTimeout: 70,
  channelAuthorization: {
    customHandler({ socketId, channelName }, done) {
      const member = channelName.startsWith("presence-") && {
        channel_data: JSON.stringify({ user_id: `user-${randomInt(1e6)}`, user_info: { name } }),
      };
      const signed = [socketId, channelName, ...(member ? [member.channel_data] : [])].join(":");
      const secret = channelName.endsWith("-closed") ? "another" : process.env.SECRET;
      const auth = `key:${createHmac("sha256", secret).update(signed).digest("hex")}`;
      done(null, { auth, ...member });
    },
  },
});

const enter = (channel) =>
  new Promise((done) => {
    pusher
      .subscribe(channel)
      .bind("pusher:subscription_succeeded", function entered() {
        done(this);
      })
      .bind("pusher:subscription_error", done);
  });

async function main() {
  await enter("news");
  await enter("presence-hall");
  const room = await new Promise((done) => {
    const channel = pusher.subscribe("private-room");
    channel.bind("pusher:subscription_succeeded", () => done(channel));
  });
  for (let turns = 2 + randomInt(4); turns > 0; turns -= 1) {
    await pause();
    const said = new Promise((done) => room.bind("said", done));
    room.trigger("client-say", { text: any(["hello", "is anybody here?", "good night", "coffee!"]) });
    await said;
    room.unbind("said");
  }
  if (randomInt(3) === 0) await enter("private-closed");
  await sleep(80 + randomInt(120));
  pusher.unsubscribe("news");
  await pause();
  pusher.disconnect();
  setTimeout(process.exit, 100, 0);
}

main();
