// Runs a program for WASI: `node --disable-warning=ExperimentalWarning wasi.mjs PROGRAM [ARGUMENT…]`.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [, , program, ...args] = process.argv;
const wasi = new WASI({ version: "preview1", args: [program, ...args], env: process.env, preopens: { ".": "." } });
const { instance } = await WebAssembly.instantiate(await readFile(program), wasi.getImportObject());
process.exit(wasi.start(instance));
