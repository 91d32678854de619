// A server for echo_client, with Node's ws: servers.rs says what it does.

const { WebSocketServer } = require("ws");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  verifyClient: ({ req }, answer) => answer(req.url !== "/refuse", 403, "not for you\n"),
});

server.on("listening", () => console.log(server.address().port));

server.on("connection", (client, { url }) => {
  if (url === "/vanish") {
    client.on("message", () => client.terminate());
    return;
  }
  client.on("message", (data, isBinary) => client.send(data, { binary: isBinary }));
  client.on("close", (code, reason) => console.log(`${url}: closed with ${code} "${reason}"`));
  if (url === "/surprise") surprise(client);
});

const surprise = (client) => {
  client.on("pong", (payload) => {
    if (payload.toString() !== "are you there?") return;
    console.log("/surprise: are you there? yes");
    client.close(4000, "c'est tout, très bien");
  });
  client.pong("unsolicited");
  client.send("in ", { fin: false });
  client.ping("are you there?");
  client.send("three ", { fin: false });
  client.send("pieces");
  client.send(Buffer.from([0x00, 0x7f, 0x80, 0xff]));
};
