"use strict"; // A shim of Node's ws.

let ws, version;
try {
  ws = require("ws");
  ({ version } = require("ws/package.json"));
} catch {
  process.exit(89);
}
const http = require("node:http");
const net = require("node:net");
const { createInterface } = require("node:readline");
const { promisify } = require("node:util");

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

/** Calls `done` once the connection is over and its socket is closed. */
function run({ role, port, config, actions }, done) {
  const options = { perMessageDeflate: config.deflate === true };
  if (config.max_message !== undefined) options.maxPayload = config.max_message;
  if (role === "client") {
    const client = new ws.WebSocket(`ws://127.0.0.1:${port}/`, config.subprotocols, options);
    report(client, done);
    client.on("open", () => opened(client, actions, { subprotocol: client.protocol }));
    return;
  }
  const server = new ws.WebSocketServer({
    ...options,
    noServer: true,
    handleProtocols: (offered) => [...offered].find((name) => config.subprotocols.includes(name)) ?? false,
    verifyClient: ({ origin }) => !config.origins || !origin || config.origins.includes(origin),
  });
  let connection;
  const socket = net.connect(port, "127.0.0.1").on("close", () => connection ?? done());
  const listener = http.createServer((_, response) => response.writeHead(426).end());
  listener.on("upgrade", (request, _, head) =>
    server.handleUpgrade(request, socket, head, (upgraded) => {
      connection = upgraded;
      report(connection, done);
      opened(connection, actions, { subprotocol: connection.protocol, resource: request.url });
    }),
  );
  listener.emit("connection", socket); // it need not listen
}

function report(connection, done) {
  connection.on("message", (data, isBinary) =>
    say(isBinary ? { event: "binary", hex: data.toString("hex") } : { event: "text", text: data.toString() }),
  );
  connection.on("ping", (data) => say({ event: "ping", hex: data.toString("hex") }));
  connection.on("pong", (data) => say({ event: "pong", hex: data.toString("hex") }));
  connection.on("error", (error) => say({ event: "error", name: error.code ?? error.message }));
  connection.on("close", (code, reason) => done(say({ event: "close", code, reason: reason.toString() })));
}

async function opened(connection, actions, details) {
  say({ event: "open", ...details });
  for (const [action, { do: what, text, hex = "", fin, code, reason }] of actions.entries()) {
    const data = text ?? Buffer.from(hex, "hex");
    try {
      if (what === "send_close") connection.close(code, reason);
      else if (what === "send_ping") connection.ping(data);
      else if (what === "send_pong") connection.pong(data);
      else await promisify(connection.send).call(connection, data, { binary: what === "send_binary", fin });
    } catch {
      return say({ event: "refused", action });
    }
  }
  say({ event: "acted" });
}

say({
  shim: 1, name: "ws", version, roles: ["client", "server"], deflate: true, max_message: true, subprotocols: true,
  origins: true, fragments: true,
  actions: ["send_text", "send_binary", "send_continuation", "send_ping", "send_pong", "send_close"],
});
createInterface({ input: process.stdin }).on("line", (line) => {
  const question = JSON.parse(line);
  // ws shows the end of a connection, not the close frame.
  if (question.actions.some((action) => action.do === "receive")) return say({ cannot: "receive until a close frame" });
  run(question, () => say({ event: "end" }));
});
