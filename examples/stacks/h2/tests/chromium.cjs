// Loads the page of the server in a headless Chromium, types a message, and opens one more WebSocket from the page.
//
// usage: chromium.cjs EXECUTABLE URL

const { chromium } = require("playwright-core");

const main = async (executablePath, url) => {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
  const browser = await chromium.launch({ executablePath, args });
  try {
    const page = await browser.newPage({ ignoreHTTPSErrors: true });
    const response = await page.goto(url);
    const protocol = await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
    console.log(`page: ${response.status()}, ${protocol}`);
    await page.waitForFunction(() => document.querySelector("output").value !== "connecting");
    console.log(`page's socket: ${await page.locator("output").textContent()}`);
    await page.fill("input", "Hello");
    await page.click("button");
    console.log(`page received: ${await page.locator("li").first().textContent()}`);
    for (const line of await page.evaluate(converse)) console.log(line);
  } finally {
    await browser.close();
  }
};

/** In the page: three messages of different types and lengths, and a close. */
const converse = () =>
  new Promise((resolve) => {
    const ws = new WebSocket(`wss://${location.host}/echo`);
    ws.binaryType = "arraybuffer";
    // Random bytes, which compression does not make shorter than the windows of flow control.
    const bytes = new Uint8Array(1_000_000);
    for (let start = 0; start < bytes.length; start += 50_000) crypto.getRandomValues(bytes.subarray(start, start + 50_000));
    const messages = ["Hello", "", bytes];
    const lines = [];
    let echoes = 0;
    const equal = (sent, received) =>
      typeof sent === "string"
        ? sent === received
        : sent.length === received.byteLength && new Uint8Array(received).every((byte, i) => byte === sent[i]);
    ws.onopen = () => ws.send(messages[0]);
    ws.onmessage = ({ data }) => {
      if (!equal(messages[echoes], data)) return resolve([...lines, `socket: message ${echoes} is not echoed`]);
      echoes += 1;
      if (echoes < messages.length) return ws.send(messages[echoes]);
      lines.push(`socket: ${new URL(ws.url).protocol.slice(0, -1)} ${ws.extensions}, ${echoes} echoes`);
      ws.close(1000, "bye");
    };
    ws.onclose = ({ code, wasClean }) => resolve([...lines, `socket: closed ${code}, clean: ${wasClean}`]);
  });

const [executablePath, url] = process.argv.slice(2);
// Nothing here may wait for ever.
setTimeout(() => {
  console.error("it took longer than 60 s");
  process.exit(1);
}, 60_000).unref();
main(executablePath, url).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
