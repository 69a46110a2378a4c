// SPDX-License-Identifier: Apache-2.0
// The portal dies, the API server is away: the page says so, loses nothing, and goes on by itself.
import {counting, shownLines, untilBadge} from './lib/actions.js';
import {askAs, pageOf, withoutReload} from './lib/browser.js';
import {clusterFault, getJob, healCluster, kubectl, makeJob, namespace, portalAddresses, scalePortal, untilPhase} from './lib/cluster.js';
import {check, eventually, expect, figure, test} from './lib/report.js';

const row = (page, name) => page.locator('tbody tr', {has: page.getByRole('link', {name, exact: true})});
const killPortals = () => kubectl(['-n', 'dlws-system', 'delete', 'pods', '-l', 'app.kubernetes.io/component=portal', '--grace-period=0', '--force', '--wait=false']);

test('faults: both portals die in the middle of a log, and no line is lost or told twice', async () => {
    await makeJob('endless', {command: counting});
    await untilPhase('endless', 'Running');
    const page = await pageOf('bob', `/jobs/${namespace}/endless/logs`);
    await eventually('lines', async () => (await shownLines(page)).length > 10);
    const same = await withoutReload(page);
    await killPortals();
    await eventually('they are gone', async () => (await portalAddresses()).length === 0, 30);
    const at = (await shownLines(page)).at(-1);
    await eventually('others serve', async () => (await portalAddresses()).length === 2, 60);
    await eventually('it goes on', async () => (await shownLines(page)).at(-1) > at + 30, 60);
    const now = await shownLines(page);
    check(`in order, each once: ${now}`, now.every((n, i) => i === 0 || n === now[i - 1] + 1));
    const count = Number((await page.locator('.log-status span').first().textContent()).replace(/[^\d]/g, ''));
    check(`as many as were printed: ${count} to line ${now.at(-1)}`, Math.abs(count - now.at(-1)) <= 5);
    // What is in the document is a window on the list: the window goes from the first line to the last that was shown.
    const seen = new Set();
    for (let top = 0, most = 1; top < most; top += 200) {
        most = await page.locator('.log').evaluate((e, to) => { e.scrollTop = to; return e.scrollHeight; }, top);
        await page.evaluate(() => new Promise(done => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
        for (const n of await shownLines(page)) seen.add(n);
    }
    const missing = Array.from({length: now.at(-1)}, (_, i) => i + 1).filter(n => !seen.has(n));
    check(`none is missing: ${missing.slice(0, 20)}`, missing.length === 0);
    check('not loaded anew', await same());
}, {seconds: 180, mayFail: true});

test('faults: the list says that it is not live, and is again', async () => {
    const page = await pageOf('bob', '/jobs?mine=false');
    await row(page, 'endless').waitFor();
    const same = await withoutReload(page);
    await scalePortal(0);
    try {
        await page.getByText('Live updates are interrupted').waitFor({timeout: 40_000});
        await kubectl(['-n', namespace, 'patch', 'dljob', 'endless', '--type=merge', '-p', '{"spec":{"stop":true}}']);
        check('what was known stays', await row(page, 'endless').isVisible());
    } finally {
        await scalePortal(2);
    }
    const began = Date.now();
    await eventually('they serve', async () => (await portalAddresses()).length > 0, 60);
    const served = Date.now();
    await row(page, 'endless').locator('.badge', {hasText: 'Stopped'}).waitFor({timeout: 45_000});
    figure('recovery_after_portal_s', ((Date.now() - served) / 1000).toFixed(1), 's', '<= 35');
    await page.getByText('Live updates are interrupted').waitFor({state: 'detached'});
    check(`not loaded anew (${served - began} ms to start)`, await same());
}, {seconds: 180, mayFail: true});

test('faults: while the API server is away old things are marked, and nothing can be changed', async () => {
    await makeJob('kept', {command: counting});
    await untilPhase('kept', 'Running');
    const page = await pageOf('alice', `/jobs/${namespace}/kept`);
    await untilBadge(page, 'Running');
    const list = await pageOf('alice', '/jobs?mine=false');
    await row(list, 'kept').waitFor();
    // So many connections go to both servers: one that alice never asked knows nothing of her rights.
    await Promise.all(Array.from({length: 6}, () => askAs(list, 'GET', '/api/v1/jobs?mine=false')));
    await clusterFault('kill', 'kube-apiserver');
    try {
        for (const each of [page, list]) await each.getByText('The cluster\'s API server does not answer').waitFor({timeout: 60_000});
        check('the list is still there', await row(list, 'kept').isVisible());
        const answer = await askAs(list, 'GET', '/api/v1/jobs?mine=false');
        expect('reads', answer.status, 200);
        const stop = await askAs(list, 'POST', `/api/v1/namespaces/${namespace}/jobs/kept/stop`);
        expect('writes', stop.status, 503);
    } finally {
        await healCluster();
    }
    for (const each of [page, list]) await each.getByText('The cluster\'s API server does not answer').waitFor({state: 'detached', timeout: 60_000});
    expect('it was not stopped', (await getJob('kept')).spec.stop ?? false, false);
    await page.bringToFront();
    await page.getByRole('button', {name: 'Stop…'}).waitFor();
}, {seconds: 240, mayFail: true});

test('faults: a frozen API server is told, too, though all its connections are there', async () => {
    await makeJob('frozen', {command: counting});
    await untilPhase('frozen', 'Running');
    const list = await pageOf('alice', '/jobs?mine=false');
    await row(list, 'frozen').waitFor();
    const banner = list.getByText('The cluster\'s API server does not answer');
    // Of what the test before did.
    await banner.waitFor({state: 'detached', timeout: 60_000});
    const began = Date.now();
    await clusterFault('freeze', 'kube-apiserver');
    try {
        await banner.waitFor({timeout: 60_000});
        figure('frozen_told_after_s', ((Date.now() - began) / 1000).toFixed(1), 's', '<= 15');
        check('the list is still there', await row(list, 'frozen').isVisible());
    } finally {
        await clusterFault('unfreeze', 'kube-apiserver');
    }
    await banner.waitFor({state: 'detached', timeout: 60_000});
}, {seconds: 180, mayFail: true});
