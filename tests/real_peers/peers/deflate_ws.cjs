// A peer for deflate.rs that compresses, with Node's ws.
//
// usage: deflate_ws.cjs client URL SETTINGS... | server

const assert = require("node:assert/strict");
const { once } = require("node:events");
const { WebSocket, WebSocketServer } = require("ws");

const talk = async (url, settings) => {
  const [serverBits, clientBits, takeover] = settings.split(",");
  const perMessageDeflate = {
    threshold: 0,
    serverNoContextTakeover: takeover === "client" || takeover === "none",
    clientNoContextTakeover: takeover === "server" || takeover === "none",
    serverMaxWindowBits: Number(serverBits),
    clientMaxWindowBits: Number(clientBits),
  };
  const client = new WebSocket(url, { perMessageDeflate });
  await once(client, "open");
  assert.match(client.extensions, /permessage-deflate/);
  for (const pieces of messages()) {
    const answer = once(client, "message");
    pieces.forEach((piece, i) => client.send(piece, { fin: i === pieces.length - 1 }));
    const [data] = await answer;
    assert.deepEqual(data, Buffer.concat(pieces.map((piece) => Buffer.from(piece))));
  }
  client.close(1000);
  await once(client, "close");
  console.log(`${settings}: all came back`);
};

const messages = () => {
  const words = "The quick brown fox jumps over the lazy dog. ".repeat(800);
  let state = 1;
  const noise = Buffer.from({ length: 33000 }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 16;
  });
  return [
    ...["Hello", "Hello", "", words, "Grüße, 世界! 😀", words, "é".repeat(9000)].map((text) => [text]),
    ...[Buffer.alloc(0), Buffer.alloc(40000), noise, noise].map((data) => [data]),
    ["in ", "", "pieces ", "é€😀"],
    [Buffer.from([0]), noise, Buffer.alloc(0)],
  ];
};

const serve = () => {
  const perMessageDeflate = { threshold: 0 };
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate });
  server.on("listening", () => console.log(server.address().port));
  server.on("connection", (client) => {
    client.on("message", (data, isBinary) => client.send(data, { binary: isBinary }));
  });
};

const main = async (role, url, ...all) => {
  if (role === "server") return serve();
  for (const settings of all) await talk(url, settings);
};

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
