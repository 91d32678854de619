// Calls `echo` of a module: `node run.mjs wsproto_wasm.wasm`.
import { readFile } from "node:fs/promises";

// There are no imports: a module that needs one, such as `malloc`, does not load.
const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]), {});
const sent = instance.exports.echo();
if (sent >= 100) throw new Error(`${sent} bytes were sent: not compressed`);
console.log(`echoed, from ${sent} bytes`);
