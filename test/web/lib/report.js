// SPDX-License-Identifier: Apache-2.0
// Tests, one after another: `ok NAME (MS)`, `FAIL NAME: WHY`, `skip NAME: WHY`, and figures.
import {mkdirSync} from 'node:fs';
import {complaints, openPages, startFresh} from './browser.js';
import {served} from './cluster.js';

export const screenshots = `${process.env.DLWS_WEB_REPO}/build/web-screenshots`;
mkdirSync(screenshots, {recursive: true});

const tests = [];
const count = {passed: 0, failed: 0, skipped: 0};

/**
 * Declares a test. `needs`: operations of the contract without which it is skipped. `seconds`: when it is given up. `mayFail`: answers
 * of 5xx are part of it.
 */
export function test(name, run, {needs = [], seconds = 60, mayFail = false} = {}) {
    tests.push({name, run, needs, seconds, mayFail});
}

export async function runAll(words) {
    const wanted = tests.filter(t => words.length === 0 || words.some(w => t.name.startsWith(w)));
    if (wanted.length === 0) throw new Error(`no test has a name that begins with one of: ${words.join(' ')}`);
    for (const one of wanted) await runOne(one);
}

async function runOne({name, run, needs, seconds, mayFail}) {
    const missing = needs.filter(n => !served.has(n));
    if (missing.length > 0) {
        ++count.skipped;
        console.log(`skip ${name}: the portal does not serve ${missing.join(', ')}`);
        return;
    }
    const began = Date.now();
    startFresh({mayFail});
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`not done after ${seconds} s`)), seconds * 1000); });
    try {
        await Promise.race([run(), late]);
        if (complaints.length > 0) throw new Error(`the page complains: ${complaints.join('; ')}`);
        ++count.passed;
        console.log(`ok ${name} (${Date.now() - began} ms)`);
    } catch (error) {
        ++count.failed;
        console.log(`FAIL ${name} (${Date.now() - began} ms): ${error.message.slice(0, 600)}${error.stack.split('\n').filter(l => l.includes('_test.js')).slice(0, 2).join('')}`);
        for (const complaint of complaints) console.log(`    the page complains: ${complaint}`);
        for (const [i, page] of openPages().entries())
            await page.screenshot({path: `${screenshots}/failed-${count.failed}-${i}.png`, timeout: 5000}).catch(() => undefined);
    } finally {
        clearTimeout(timer);
        for (const page of openPages()) await page.context().close().catch(() => undefined);
    }
}

/** A goal is "<= 60" or ">= 1". */
export function figure(name, value, unit, goal) {
    console.log(`figure web_${name} ${value} ${unit}${goal === undefined ? '' : ` goal ${goal}`}`);
}

export function expect(what, is, should) {
    if (JSON.stringify(is) !== JSON.stringify(should)) throw new Error(`${what}: is ${JSON.stringify(is)}, and should be ${JSON.stringify(should)}`);
}
export function check(what, holds) {
    if (!holds) throw new Error(what);
}
/** Until `ask` answers true; throws after the deadline, with what it answered last. */
export async function eventually(what, ask, seconds = 20) {
    const end = Date.now() + seconds * 1000;
    let last;
    do {
        last = await ask();
        if (last === true) return;
        await new Promise(wake => setTimeout(wake, 100));
    } while (Date.now() < end);
    throw new Error(`${what}: not within ${seconds} s${last === false ? '' : ` (${JSON.stringify(last)})`}`);
}

export function finish() {
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
    process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;
}
