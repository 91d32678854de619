// Sends everything that a WebSocket can carry to an echo server, with Node's ws.
//
// usage: ws_client.cjs URL
//
// Prints a line for each echo that is correct; fails at the first that is not.

const assert = require("node:assert/strict");
const { once } = require("node:events");
const { WebSocket } = require("ws");

const LENGTHS = [0, 125, 126, 65535, 65536, 1 << 20];
const ALPHABETS = "aé€😀".repeat(30000);
const REASON = "c'est tout, très bien";

const main = async (url) => {
  const client = new WebSocket(url);
  await once(client, "open");
  assert.equal(client.protocol, "");
  console.log("opened without a subprotocol");

  const echoed = async (...fragments) => {
    const answer = once(client, "message");
    fragments.forEach((fragment, i) => client.send(fragment, { fin: i === fragments.length - 1 }));
    const [data, isBinary] = await answer;
    return isBinary ? data : data.toString();
  };

  for (const length of LENGTHS) {
    const text = "0123456789".repeat(length / 10 + 1).slice(0, length);
    assert.equal(await echoed(text), text);
    console.log(`text of ${length} bytes`);
  }
  for (const length of LENGTHS) {
    const data = Buffer.from({ length }, (_, i) => i % 251);
    assert.deepEqual(await echoed(data), data);
    console.log(`binary of ${length} bytes`);
  }
  assert.equal(await echoed(ALPHABETS), ALPHABETS);
  console.log("text of 1 to 4 bytes a character");

  // The fragments cut the last character, which ws allows.
  const [head, tail] = [Buffer.from("é€😀").subarray(0, 7), Buffer.from("é€😀").subarray(7)];
  const pong = once(client, "pong");
  const answer = once(client, "message");
  client.send("in ", { fin: false });
  client.ping("between");
  client.send("", { fin: false });
  client.send("pieces, ", { fin: false });
  client.send(head, { binary: false, fin: false });
  client.send(tail, { binary: false });
  assert.equal((await pong)[0].toString(), "between");
  assert.equal((await answer)[0].toString(), "in pieces, é€😀");
  console.log("text in fragments around a ping");
  const pieces = ["\x00\x7f", "", "\x80\xff"].map((piece) => Buffer.from(piece, "latin1"));
  assert.deepEqual(await echoed(...pieces), Buffer.concat(pieces));
  console.log("binary in fragments");

  for (const length of [0, 125]) {
    const payload = Buffer.from({ length }, (_, i) => i);
    const pong = once(client, "pong");
    client.ping(payload);
    assert.deepEqual((await pong)[0], payload);
    console.log(`ping of ${length} bytes`);
  }
  client.pong("unsolicited");
  assert.equal(await echoed("still here"), "still here");
  console.log("text after an unsolicited pong");

  client.close(4321, REASON);
  const [code, reason] = await once(client, "close");
  console.log(`closed with ${code} "${reason}"`);
};

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
