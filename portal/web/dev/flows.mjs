// SPDX-License-Identifier: Apache-2.0
// FOR DEVELOPMENT ONLY: does what people do, in the built page with the mock and the real policy. As dev/look.mjs.
//
//   node dev/flows.mjs        (MOCK_LINES of the preview decides how long the log is)
import {createRequire} from 'node:module';

const require = createRequire(`${process.env.LOOK_MODULES ?? process.cwd()}/`);
const {chromium} = require('playwright-core');
const base = process.env.LOOK_URL ?? 'http://127.0.0.1:4173';
const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox']});
const context = await browser.newContext({viewport: {width: 1440, height: 900}});
await context.grantPermissions(['clipboard-read', 'clipboard-write']);
let failed = 0;

async function flow(name, run) {
    if (process.argv[2] !== undefined && !name.startsWith(process.argv[2])) return;
    const page = await context.newPage();
    const complaints = [];
    page.on('console', m => { if (m.type() === 'error' && !/status of (4|5)\d\d/.test(m.text())) complaints.push(m.text()); });
    page.on('pageerror', e => complaints.push(e.message));
    page.on('dialog', d => { complaints.push(`a dialog: ${d.message()}`); void d.dismiss(); });
    page.setDefaultTimeout(8000);
    try {
        await run(page);
        if (complaints.length > 0) throw new Error(complaints.join('; '));
        console.log(`ok: ${name}`);
    } catch (e) {
        failed += 1;
        await page.screenshot({path: `/tmp/flow-${failed}.png`});
        console.log(`not ok: ${name}: ${e.message.split('\n').slice(0, 4).join(' | ')}`);
    }
    await page.close();
}
const expect = (what, is, should) => { if (is !== should) throw new Error(`${what}: ${JSON.stringify(is)}, not ${JSON.stringify(should)}`); };

await flow('jobs: filter, sort and mine are in the address, and come back', async page => {
    await page.goto(`${base}/jobs`);
    await page.getByRole('button', {name: /^Running/}).click();
    await page.getByRole('button', {name: "Everybody's"}).click();
    await page.getByRole('button', {name: 'GPUs'}).click();
    await page.keyboard.press('/');
    await page.keyboard.type('vision');
    await page.waitForURL(/mine=false&q=vision&phase=Running&sort=-gpus/);
    await page.reload();
    await page.locator('tbody tr').first().waitFor();
    const states = await page.locator('tbody .badge').allTextContents();
    expect('only Running', states.every(s => s === 'Running'), true);
    await page.goBack();
});

await flow('jobs: keys g c, g j, j, j, Enter open the second row', async page => {
    await page.goto(`${base}/jobs`);
    await page.locator('tbody tr').first().waitFor();
    await page.keyboard.press('g'); await page.keyboard.press('c');
    await page.waitForURL(/\/cluster/);
    await page.keyboard.press('g'); await page.keyboard.press('j');
    await page.locator('tbody tr').first().waitFor();
    const name = await page.locator('tbody tr').nth(1).locator('.name a').textContent();
    await page.keyboard.press('j'); await page.keyboard.press('j'); await page.keyboard.press('Enter');
    await page.waitForURL(new RegExp(`/${name}$`));
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({state: 'detached'});
});

await flow('jobs: three are stopped at one time, after a question, and change live', async page => {
    await page.goto(`${base}/jobs?phase=Running`);
    for (const i of [3, 4, 5]) await page.locator('tbody input').nth(i).check();
    await page.getByRole('button', {name: 'Stop…'}).click();
    await page.getByRole('dialog').getByRole('button', {name: 'Stop 3 jobs'}).click();
    await page.getByText('Stopping 3 jobs').first().waitFor();
});

await flow('submit: a mistake is at its line, mended in the form, then it is submitted', async page => {
    await page.goto(`${base}/submit?starter=torch`);
    const name = `flow-${Date.now() % 1e6}`;
    await page.getByLabel('Name', {exact: true}).fill(name);
    await page.getByLabel('GPUs a pod').fill('200');
    await page.getByRole('button', {name: 'Line 12'}).click();
    await page.locator('.cm-lint-marker-error').first().waitFor();
    await page.locator('.field .wrong', {hasText: 'at most 128'}).waitFor();
    await page.getByLabel('GPUs a pod').fill('4');
    await page.getByText('The server would take it').waitFor();
    await page.locator('.cm-content').click();
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('# mine\n');
    await page.getByLabel('Pods', {exact: true}).fill('3');
    await page.locator('.cm-content', {hasText: 'replicas: 3'}).waitFor();
    const yaml = await page.locator('.cm-content').innerText();
    expect('comment and form both', /# mine/.test(yaml) && /replicas: 3/.test(yaml) && /gpus: 4/.test(yaml), true);
    await page.getByRole('button', {name: 'Submit', exact: true}).click();
    await page.waitForURL(new RegExp(`/jobs/default/${name}$`));
    await page.getByRole('link', {name: 'Clone'}).click();
    await page.waitForURL(/clone=/);
    expect('the next name', await page.getByLabel('Name', {exact: true}).inputValue(), name.replace(/-(\d+)$/, (_, n) => `-${Number(n) + 1}`));
});

await flow('submit: a file makes script and command; fields are completed by the schema', async page => {
    await page.goto(`${base}/submit?starter=empty`);
    await page.getByLabel('Command').fill('');
    await page.locator('input[type=file]').setInputFiles({name: 'my script.py', mimeType: 'text/plain', buffer: Buffer.from('print("a")\nprint("b")\n')});
    await page.locator('.cm-content', {hasText: 'my_script.py'}).waitFor();
    expect('command', await page.getByLabel('Command').inputValue(), 'python3 /job/my_script.py');
    await page.getByRole('button', {name: 'YAML'}).click();
    await page.locator('.cm-content').click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('  activeD');
    await page.locator('.cm-tooltip-autocomplete', {hasText: 'activeDeadlineSeconds'}).waitFor();
});

await flow('approvals: approved with a reason; one\'s own cannot be', async page => {
    await page.goto(`${base}/approvals`);
    const buttons = page.getByRole('button', {name: 'Approve…'});
    await buttons.first().waitFor();
    expect('one may be decided', await buttons.count(), 1);
    await buttons.click();
    await page.getByLabel(/Reason/).fill('benchmark of Monday');
    await page.getByRole('button', {name: 'Approve', exact: true}).click();
    await page.getByText('Approved bench').waitFor();
    await page.getByRole('button', {name: 'Decided'}).click();
    await page.getByText('“benchmark of Monday”').waitFor();
});

await flow('logs: follow, pause on scroll, follow again', async page => {
    await page.goto(`${base}/jobs/vision/tokenizer-3/logs`);
    await page.locator('.log-line').first().waitFor();
    const log = page.locator('.log');
    const last = () => page.locator('.log-line').last().textContent();
    const one = await last();
    await page.waitForTimeout(1200);
    expect('it follows', (await last()) !== one, true);
    await log.hover();
    await page.mouse.wheel(0, -3000);
    await page.waitForURL(/follow=false/);
    await page.waitForTimeout(300);
    const first = async () => page.evaluate(() => { const top = document.querySelector('.log').getBoundingClientRect().top; return [...document.querySelectorAll('.log-line')].find(l => l.getBoundingClientRect().bottom > top + 1).textContent; });
    const paused = await first();
    await page.waitForTimeout(1500);
    expect('what is looked at stays', await first(), paused);
    await page.getByRole('button', {name: 'Follow the end'}).click();
    await page.waitForURL(u => !u.search.includes('follow'));
});

await flow('logs: an expression that takes for ever ends, and another one works', async page => {
    await page.goto(`${base}/jobs/vision/tokenizer-3/logs`);
    await page.locator('.log-line').first().waitFor();
    await page.getByRole('button', {name: /Regular expression/}).click();
    await page.getByLabel('Search the log').fill('(.*)*(.*)*(.*)*(.*)*(.*)*[^\\x00-\\uffff]$');
    await page.getByText('takes too long').waitFor();
    await page.getByLabel('Search the log').fill('NCCL|spike');
    await page.getByText(/^\d+ lines$/).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', {name: 'Next match'}).click();
    await page.locator('.log-line.now mark').waitFor();
    await page.getByRole('button', {name: 'Only matches'}).click();
    await page.waitForTimeout(500);
    const texts = await page.locator('.log-line .text').allTextContents();
    expect('only matches', texts.every(t => /NCCL|spike/.test(t)), true);
});

await flow('logs: from the beginning, in steps of scrolling no task is over 50 ms', async page => {
    const start = Date.now();
    await page.goto(`${base}/jobs/vision/tokenizer-3/logs?tail=all`);
    await page.waitForFunction(() => /live|archive/.test(document.querySelector('.log-status')?.textContent ?? '') && !/loading/.test(document.querySelector('.log-status').textContent), undefined, {timeout: 120_000});
    console.log(`  loaded in ${Date.now() - start} ms`);
    const lines = Number((await page.locator('.log-status').textContent()).replace(/[, ]/g, '').match(/^(\d+)lines/)[1]);
    const cdp = await context.newCDPSession(page);
    await cdp.send('HeapProfiler.collectGarbage');
    const heap = (await cdp.send('Runtime.getHeapUsage')).usedSize;
    await page.evaluate(() => { window.long = []; new PerformanceObserver(l => window.long.push(...l.getEntries().map(e => Math.round(e.duration)))).observe({entryTypes: ['longtask']}); });
    await page.locator('.log').hover();
    for (let i = 0; i < 60; ++i) { await page.mouse.wheel(0, i % 3 === 0 ? -20_000 : -500); await page.waitForTimeout(30); }
    await page.evaluate(() => { const l = document.querySelector('.log'); l.scrollTop = l.scrollHeight / 2; });
    await page.waitForTimeout(300);
    await page.evaluate(() => { document.querySelector('.log').scrollTop = 0; });
    await page.waitForTimeout(300);
    const long = await page.evaluate(() => window.long);
    console.log(`  ${lines} lines, ${Math.round(heap / 1e6)} MB, long tasks while scrolling: [${long}] ms`);
    expect('long tasks', long.length, 0);
    if (lines < 990_000) await page.getByText(/step 0 loss/).first().waitFor();   // else the oldest have gone
    const began = Date.now();
    await page.getByLabel('Search the log').fill('watchdog');
    await page.waitForFunction(() => /[1-9][\d,]* lines/.test(document.querySelector('.log-tools [role=status]')?.textContent ?? ''), undefined, {timeout: 60_000});
    console.log(`  searched in ${Date.now() - began} ms: ${await page.locator('.log-tools [role=status]').textContent()}`);
});

await flow('login: out, in again with a token, on the page that was asked for', async page => {
    await page.goto(`${base}/storage`);
    await page.getByRole('button', {name: /alice/}).click();
    await page.getByRole('button', {name: 'Log out', exact: true}).click();
    await page.getByLabel('A token of the cluster').fill('wrong-token');
    await page.getByRole('button', {name: 'Log in with the token'}).click();
    await page.getByText('does not take the token').first().waitFor();
    await page.getByLabel('A token of the cluster').fill('right-token');
    await page.getByRole('button', {name: 'Log in with the token'}).click();
    await page.getByText('Your folder').first().waitFor();
    expect('path', new URL(page.url()).pathname, '/storage');
});

await browser.close();
console.log(failed === 0 ? 'all ok' : `${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
