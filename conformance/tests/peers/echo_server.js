// An echo server with Node's ws; prints its URI.

const { WebSocketServer } = require("ws");

const options = { host: "127.0.0.1", port: 0, perMessageDeflate: true };
const server = new WebSocketServer(options, () => {
  console.log(`ws://127.0.0.1:${server.address().port}/`);
});

server.on("connection", (connection) => {
  // The suite breaks rules on purpose: an error is what it expects.
  connection.on("error", () => {});
  connection.on("message", (data, isBinary) => connection.send(data, { binary: isBinary }));
});
