// SPDX-License-Identifier: Apache-2.0
// How large the first page is, compressed: index.html and all that it loads before anything is clicked. Fails over 60 KB.
import {readFileSync} from 'node:fs';
import {gzipSync} from 'node:zlib';

const dist = new URL('../dist/', import.meta.url);
const most = 60_000;
const index = readFileSync(new URL('index.html', dist));
const files = [...index.toString().matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(m => m[1]);
if (files.length < 2) throw new Error('index.html names no script and style');
const size = [index, ...files.map(f => readFileSync(new URL(f, dist)))].reduce((n, bytes) => n + gzipSync(bytes, {level: 9}).length, 0);
console.log(`first page: ${(size / 1000).toFixed(1)} KB in ${files.length + 1} files, compressed (at most ${most / 1000})`);
process.exitCode = size <= most ? 0 : 1;
