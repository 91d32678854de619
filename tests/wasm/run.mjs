// Calls `echo` of the module that is named: `node run.mjs wsproto_wasm.wasm`.
import { readFile } from "node:fs/promises";

// No imports are given: a module that needs one, such as `malloc`, is refused.
const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]), {});
const sent = instance.exports.echo();
if (sent >= 100) throw new Error(`${sent} bytes were sent: not compressed`);
console.log(`echoed, from ${sent} bytes`);
