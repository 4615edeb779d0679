// A table for two, on Colyseus: cards are drawn and played, what lies on the table is a state that every player sees.
// Messages are MessagePack, states are Colyseus's own.
//
//   node colyseus-server.cjs PORT       NODE_PATH says where the packages are

const { Room, Server } = require("@colyseus/core");
const { WebSocketTransport } = require("@colyseus/ws-transport");
const { schema, t } = require("@colyseus/schema");

const Table = schema({ players: t.number(), last: t.string(), played: t.array("string") });

class Game extends Room {
  onCreate() {
    this.maxClients = 2;
    this.state = Object.assign(new Table(), { players: 0, last: "" });
    this.onMessage("draw", (client, { pile }) => {
      const suit = "♠♥♦♣"[Math.floor(Math.random() * 4)];
      client.send("drawn", { pile, card: `${suit}${1 + Math.floor(Math.random() * 13)}` });
    });
    this.onMessage("play", (client, { card }) => {
      this.state.last = card;
      this.state.played.push(card);
      const count = this.state.played.length;
      // A build that was changed counts in words.
      this.broadcast("played", { by: client.sessionId, card, count: process.env.PEER_CHANGED ? `${count}` : count });
    });
  }

  onJoin(client, { name }) {
    this.state.players += 1;
    client.send("welcome", { name, seat: this.state.players });
  }

  onLeave() {
    this.state.players -= 1;
  }
}

const server = new Server({ transport: new WebSocketTransport(), greet: false });
server.define("game", Game);
server.listen(Number(process.argv[2]), "127.0.0.1");
