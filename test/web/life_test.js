// SPDX-License-Identifier: Apache-2.0
// A job's life, as one looks on: its state, its log, stop, clone, delete, in the same tab and in another one.
import {bash, counting, jobUrl, shownLines, submitYaml, untilBadge} from './lib/actions.js';
import {base, pageOf, withoutReload} from './lib/browser.js';
import {getJob, jobNames, kubectl, makeJob, namespace, untilPhase} from './lib/cluster.js';
import {check, eventually, expect, figure, test} from './lib/report.js';

const row = (page, name) => page.locator('tbody tr', {has: page.getByRole('link', {name, exact: true})});
const inRow = (page, name, word) => row(page, name).locator('.badge', {hasText: word}).waitFor({timeout: 30_000});

test('life: a job appears and runs in the list, without reload', async () => {
    const page = await pageOf('alice');
    await page.locator('tbody tr, .empty').first().waitFor();
    const same = await withoutReload(page);
    const other = await pageOf('alice');
    await submitYaml(other, 'live', {command: counting, roles: [{name: 'worker', replicas: 2}]});
    await inRow(page, 'live', 'Running');
    check('not loaded anew', await same());
    await untilBadge(other, 'Running');
    await other.getByRole('region', {name: 'Pods by rank'}).locator('tbody tr').nth(1).waitFor();
});

test('life: the log is followed as it is printed, each line once', async () => {
    const page = await pageOf('alice', `/jobs/${namespace}/live/logs?rank=0`);
    await eventually('lines', async () => (await shownLines(page)).length > 5);
    const before = (await shownLines(page)).at(-1);
    await eventually('more lines', async () => (await shownLines(page)).at(-1) > before + 10);
    const lines = await shownLines(page);
    check(`in order, each once: ${lines}`, lines.every((n, i) => i === 0 || n === lines[i - 1] + 1));
    await page.locator('.log-status', {hasText: 'live'}).waitFor();
    await page.setViewportSize({width: 1280, height: 420});
    // Scrolling stops it, and what is looked at stays.
    await page.locator('.log').hover();
    await page.mouse.wheel(0, -400);
    await page.waitForURL(/follow=false/);
    await page.getByRole('button', {name: 'Follow the end'}).click();
    await page.waitForURL(u => !u.search.includes('follow'));
    await page.getByLabel('Search the log').fill('line 7');
    await page.locator('.log-tools [role=status]', {hasText: /^[1-9]/}).waitFor();
});

test('life: both ranks are in one log, with whose line it is', async () => {
    const page = await pageOf('alice', `/jobs/${namespace}/live/logs`);
    await page.locator('.log-line .rank', {hasText: 'worker-0'}).first().waitFor();
    await page.locator('.log-line .rank', {hasText: 'worker-1'}).first().waitFor();
});

test('life: what is printed is on the page at once', async () => {
    await makeJob('clock', {command: ['bash', '-c', 'trap "exit 143" TERM; while :; do date +"now %s%3N"; sleep 0.5 & wait $!; done']});
    const page = await pageOf('bob', `/jobs/${namespace}/clock/logs`);
    await page.locator('.log-line', {hasText: 'now'}).first().waitFor({timeout: 30_000});
    await page.waitForTimeout(2000);
    const late = await page.evaluate(() => new Promise(done => {
        const seen = [];
        let last = '';
        const watch = new MutationObserver(() => {
            const text = [...document.querySelectorAll('.log-line .text')].at(-1)?.textContent ?? '';
            if (text === last || !text.startsWith('now ')) return;
            last = text;
            seen.push(Date.now() - Number(text.slice(4)));
            if (seen.length === 15) { watch.disconnect(); done(seen); }
        });
        watch.observe(document.querySelector('.log'), {subtree: true, childList: true, characterData: true});
    }));
    late.sort((a, b) => a - b);
    figure('log_line_to_page_p50_ms', late[7], 'ms', '<= 500');
    figure('log_line_to_page_max_ms', late[14], 'ms');
    await kubectl(['-n', namespace, 'delete', 'dljob', 'clock']);
    await page.getByText('deleted').first().waitFor({timeout: 30_000});
});

test('life: stopped after a question, and the list sees it', async () => {
    const list = await pageOf('alice');
    await inRow(list, 'live', 'Running');
    const page = await pageOf('alice', `/jobs/${namespace}/live`);
    const same = await withoutReload(page);
    await page.getByRole('button', {name: 'Stop…'}).click();
    await page.getByRole('dialog').getByRole('button', {name: 'Cancel'}).click();
    expect('nothing yet', (await getJob('live')).spec.stop ?? false, false);
    await page.getByRole('button', {name: 'Stop…'}).click();
    await page.getByRole('dialog').getByRole('button', {name: 'Stop live'}).click();
    await untilBadge(page, 'Stopped');
    await inRow(list, 'live', 'Stopped');
    check('not loaded anew', await same());
});

test('life: the log of a job that has ended is in the archive', async () => {
    const page = await pageOf('alice', `/jobs/${namespace}/live/logs?rank=1&tail=all`);
    await eventually('its lines', async () => (await shownLines(page)).length > 10, 30);
    await page.locator('.log-status', {hasText: 'the job has ended'}).waitFor();
    await page.locator('.log').evaluate(e => { e.scrollTop = 0; });
    await eventually('from the first', async () => (await shownLines(page))[0] === 1);
});

test('life: earlier lines of a long log are one button away', async () => {
    await makeJob('long', {command: bash('for i in $(seq 700); do echo "line $i"; sleep 0.004; done')});
    await untilPhase('long', 'Succeeded');
    const page = await pageOf('alice', `/jobs/${namespace}/long/logs?tail=500`);
    await eventually('its end', async () => (await shownLines(page)).at(-1) === 700, 30);
    await page.locator('.log-status', {hasText: /^500 lines/}).waitFor();
    await page.getByRole('button', {name: 'Load earlier lines'}).click();
    await page.locator('.log-status', {hasText: /^700 lines/}).waitFor();
    await eventually('what was first is looked at', async () => (await shownLines(page)).includes(201));
    expect('no earlier ones', await page.getByRole('button', {name: 'Load earlier lines'}).count(), 0);
});

test('life: a clone is the same job under the next name', async () => {
    const page = await pageOf('alice', `/jobs/${namespace}/live`);
    await page.getByRole('link', {name: 'Clone'}).click();
    await page.getByText('The server would take it').waitFor();
    expect('the next name', await page.getByLabel('Name', {exact: true}).inputValue(), 'live-2');
    await page.getByRole('button', {name: 'Submit', exact: true}).click();
    await page.waitForURL(jobUrl('live-2'));
    await untilBadge(page, 'Running');
    const {submittedBy: _, stop: __, ...one} = (await getJob('live')).spec;
    const {submittedBy: ___, stop: ____, ...two} = (await getJob('live-2')).spec;
    expect('its spec', two, one);
});

test('life: suspended and resumed', async () => {
    const page = await pageOf('alice', `/jobs/${namespace}/live-2`);
    await page.getByRole('button', {name: 'Suspend…'}).click();
    await page.getByRole('dialog').getByRole('button', {name: 'Suspend live-2'}).click();
    await untilBadge(page, 'Suspended');
    await page.getByRole('button', {name: 'Resume…'}).click();
    await page.getByRole('dialog').getByRole('button', {name: 'Resume live-2'}).click();
    await untilBadge(page, 'Running');
});

test('life: several are stopped at one time', async () => {
    for (const name of ['many-1', 'many-2', 'many-3']) await makeJob(name, {command: counting});
    const page = await pageOf('bob', '/jobs?mine=false&q=many');
    for (const name of ['many-1', 'many-2', 'many-3']) await page.getByLabel(`Select ${name}`).check();
    await page.getByRole('button', {name: 'Stop…'}).click();
    await page.getByRole('dialog').getByRole('button', {name: 'Stop 3 jobs'}).click();
    for (const name of ['many-1', 'many-2', 'many-3']) await inRow(page, name, 'Stopped');
});

test('life: deleted, and both tabs say so', async () => {
    const list = await pageOf('alice');
    await row(list, 'live-2').waitFor();
    const page = await pageOf('alice', `/jobs/${namespace}/live-2`);
    await page.getByRole('button', {name: 'Stop…'}).click();
    await page.getByRole('dialog').getByRole('button', {name: 'Stop live-2'}).click();
    await untilBadge(page, 'Stopped');
    await page.getByRole('button', {name: 'Delete…'}).click();
    await page.getByRole('dialog').getByRole('button', {name: 'Delete live-2'}).click();
    await page.getByText('This job was deleted').waitFor({timeout: 30_000});
    await row(list, 'live-2').waitFor({state: 'detached'});
    check('it is gone', !(await jobNames()).some(n => n.endsWith('/live-2')));
    await page.reload();
    await page.getByText(`There is no job live-2 in ${namespace}`).waitFor();
});

test('life: who may only look has no buttons', async () => {
    const page = await pageOf('carol', `/jobs/${namespace}/live`);
    await untilBadge(page, 'Stopped');
    for (const name of ['Stop…', 'Suspend…', 'Delete…']) expect(name, await page.getByRole('button', {name}).count(), 0);
    await page.goto(`${base}/submit?starter=empty`);
    await page.getByText('You may submit in no namespace').waitFor();
});
