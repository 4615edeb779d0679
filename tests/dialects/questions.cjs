// Questions over GraphQL, on graphql-ws: whoever connects needs the token, and an answer is streamed word by word.
//
//   node questions.cjs PORT        TOKEN says which token; NODE_PATH where the packages are

const { createHash, randomUUID, timingSafeEqual } = require("node:crypto");
const { buildSchema } = require("graphql");
const { useServer } = require("graphql-ws/use/ws");
const { WebSocketServer } = require("ws");

const schema = buildSchema(`
  type Query { digest(text: String!): String! }
  type Word { seq: Int! text: String! digest: String! question: ID! }
  type Subscription { answer(question: String!): Word! }
`);

const sha256 = (text) => createHash("sha256").update(text).digest();

// Words take work: each is found by counting until its digest begins with two zero bytes.
async function* answer({ question }) {
  const id = randomUUID();
  for (const [index, text] of ["384,400", "kilometres", "on", "average"].entries()) {
    let [count, digest] = [0, Buffer.of(1, 1)];
    for (; digest.readUInt16BE(0) !== 0; count += 1) digest = sha256(`${question} ${index} ${count} `.padEnd(64, id));
    // Others get their turn.
    await new Promise(setImmediate);
    yield { answer: { seq: index + 1, text, digest: digest.toString("hex"), question: id } };
  }
}

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), path: "/graphql" });
useServer(
  {
    schema,
    roots: { query: { digest: ({ text }) => sha256(text).toString("hex") }, subscription: { answer } },
    onConnect: ({ connectionParams }) => {
      const given = sha256(String(connectionParams?.authorization));
      return timingSafeEqual(given, sha256(`Bearer ${process.env.TOKEN}`));
    },
  },
  server,
);
