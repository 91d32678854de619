// Uses the page of echo_server in a headless Chromium, as a person would.
//
// usage: chromium.cjs EXECUTABLE URL
//
// Prints what is on the page. WSPROTO_SCREENSHOT names a file for a screenshot, which is taken before the page closes.

const { chromium } = require("playwright-core");

const main = async (executablePath, url) => {
  const browser = await chromium.launch({
    executablePath,
    args: [
      // CI runs it as root, and on machines without a network.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  try {
    await chat(await browser.newPage({ viewport: { width: 800, height: 600 } }), url);
  } finally {
    await browser.close();
  }
};

const chat = async (page, url) => {
  const elsewhere = await page.goto(`${url}elsewhere`);
  console.log(`${elsewhere.status()}: ${await elsewhere.text()}`);

  page.on("pageerror", (error) => console.log(`error: ${error}`));
  page.on("console", (message) => {
    // Chromium requests an icon by itself.
    if (!message.location().url.endsWith("/favicon.ico")) console.log(`console: ${message.text()}`);
  });
  await open(page, url);
  await printButtons(page);

  const messages = ["hello", "Grüße, 世界! 👩‍🚀", "<b>not bold</b>"];
  for (const [i, message] of messages.entries()) {
    await page.getByLabel("Message", { exact: true }).fill(message);
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator(".received").nth(i).waitFor();
  }
  for (const item of await page.locator("#log li").all()) {
    console.log(`${await item.getAttribute("class")}: ${await item.textContent()}`);
  }
  await sendLong(page, messages.length);
  const path = process.env.WSPROTO_SCREENSHOT;
  if (path) await page.screenshot({ path });

  await page.getByRole("button", { name: "Close" }).click();
  await printEnd(page);

  await open(page, url);
  // Now the test ends the server.
  await printEnd(page);
};

const open = async (page, url) => {
  await page.goto(url);
  await page.locator("#state.open").waitFor();
  await printState(page);
};

const printEnd = async (page) => {
  const note = page.locator(".note");
  await note.waitFor();
  await printState(page);
  await printButtons(page);
  console.log(`note: ${await note.textContent()}`);
};

// Enough messages to fill more than the window; some have several lines.
const sendLong = async (page, sent) => {
  for (let i = sent; i < 25; i++) {
    await page.getByLabel("Message", { exact: true }).fill(`${i} ` + (i % 3 ? "" : "of several lines ".repeat(30)));
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator(".received").nth(i).waitFor();
  }
  const cut = await page.locator("#log li").evaluateAll((items) => items.filter((item) => item.scrollHeight > item.offsetHeight));
  console.log(`messages: ${await page.locator("#log li").count()}, of which ${cut.length} do not fit into their box`);
};

const printState = async (page) =>
  console.log(`${await page.getByRole("heading").textContent()}: ${await page.getByRole("status").textContent()}`);

const printButtons = async (page) => {
  const names = await page.locator("button:enabled").allTextContents();
  console.log(`buttons: ${names.join(", ") || "none"}`);
};

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
