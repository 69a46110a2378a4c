// SPDX-License-Identifier: Apache-2.0
// Cluster and storages.
import {counting} from './lib/actions.js';
import {pageOf} from './lib/browser.js';
import {kubectl, makeJob, namespace, untilPhase} from './lib/cluster.js';
import {expect, test} from './lib/report.js';

test('cluster: GPUs by type, and who holds them, without reload', async () => {
    const page = await pageOf('alice', '/cluster');
    const free = async () => Number(await page.locator('.types .big-number strong').first().textContent());
    await page.locator('.types .big-number').first().waitFor();
    const before = await free();
    await makeJob('holds-gpus', {command: counting, roles: [{name: 'worker', gpus: 2}]});
    await untilPhase('holds-gpus', 'Running');
    await page.waitForFunction(n => Number(document.querySelector('.types .big-number strong').textContent) === n, before - 2, {timeout: 20_000});
    await page.getByText(namespace, {exact: true}).first().waitFor();
    await kubectl(['-n', namespace, 'delete', 'dljob', 'holds-gpus']);
    await page.waitForFunction(n => Number(document.querySelector('.types .big-number strong').textContent) === n, before, {timeout: 40_000});
}, {needs: ['GetClusterStatus', 'ListNodes'], seconds: 120});

test('cluster: a node that is cordoned is shown as one', async () => {
    const page = await pageOf('alice', '/cluster');
    await page.getByText(/\d+ ready/).waitFor();
    await kubectl(['cordon', 'dlws-node-1']);
    try {
        await page.getByText(/1 cordoned/).waitFor({timeout: 20_000});
    } finally {
        await kubectl(['uncordon', 'dlws-node-1']);
    }
    await page.getByText(/1 cordoned/).waitFor({state: 'detached', timeout: 20_000});
}, {needs: ['GetClusterStatus', 'ListNodes']});

test('storage: where files are, and what is left', async () => {
    const page = await pageOf('alice', '/storage');
    for (const name of ['data', 'work', 'jobfiles']) await page.getByRole('region', {name: `Storage ${name}`}).waitFor();
    const work = page.getByRole('region', {name: 'Storage work'});
    await work.getByText(/free of/).first().waitFor();
    expect('copy buttons', await work.getByRole('button', {name: /Copy/}).count() > 0, true);
}, {needs: ['ListStorages']});
