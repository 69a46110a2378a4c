// SPDX-License-Identifier: Apache-2.0
// Special permissions: asked for by one, decided by another. alice and carol may approve, bob may not.
import {bash, submitYaml, untilBadge} from './lib/actions.js';
import {askAs, base, pageOf, withoutReload} from './lib/browser.js';
import {getJob, kubectl, namespace, pinnedImage} from './lib/cluster.js';
import {check, eventually, expect, test} from './lib/report.js';

const asking = async () => ({image: await pinnedImage(), command: bash('trap "exit 143" TERM; sleep 600 & wait $!'), permissions: {hostNetwork: true}});
const question = (page, job) => page.getByRole('article', {name: `${namespace}/${job}`});

test('approvals: the submitter sees why it waits', async () => {
    const page = await pageOf('alice');
    await submitYaml(page, 'asks', await asking());
    await untilBadge(page, 'Awaiting approval');
    const why = await page.locator('.why-line').innerText();
    check(`the sentence: ${why}`, /approv/i.test(why) && /hostNetwork/.test(why) && /Somebody else must act/.test(why));
    await page.goto(`${base}/jobs`);
    await page.locator('tbody tr', {hasText: 'asks'}).getByText('Somebody must act').waitFor();
});

test('approvals: not by its submitter, who may approve others', async () => {
    const page = await pageOf('alice', '/approvals');
    await question(page, 'asks').waitFor();
    expect('buttons', await question(page, 'asks').getByRole('button', {name: 'Approve…'}).count(), 0);
    const {metadata} = await getJob('asks');
    const listed = JSON.parse((await askAs(page, 'GET', '/api/v1/approvals')).body).items.find(q => q.job === 'asks');
    const answer = await askAs(page, 'POST', `/api/v1/namespaces/${namespace}/jobs/asks/approve`, JSON.stringify({uid: metadata.uid, templateHash: listed.templateHash, classes: listed.classes}));
    check(`it is refused: ${answer.status} ${answer.body}`, answer.status === 403 || answer.status === 422);
    expect('it waits', (await getJob('asks')).status.phase, 'AwaitingApproval');
});

test('approvals: not by who may not', async () => {
    const page = await pageOf('bob', `/jobs/${namespace}/asks`);
    await untilBadge(page, 'Awaiting approval');
    expect('no way to decide', await page.getByRole('link', {name: 'Decide…'}).count(), 0);
    await page.goto(`${base}/approvals`);
    await question(page, 'asks').locator('.muted').first().waitFor();
    expect('buttons', await question(page, 'asks').getByRole('button', {name: /Approve|Deny/}).count(), 0);
    const listed = JSON.parse((await askAs(page, 'GET', '/api/v1/approvals')).body).items.find(q => q.job === 'asks');
    const answer = await askAs(page, 'POST', `/api/v1/namespaces/${namespace}/jobs/asks/approve`, JSON.stringify({uid: listed.uid, templateHash: listed.templateHash, classes: listed.classes}));
    expect('it is refused', answer.status, 403);
    expect('it waits', (await getJob('asks')).status.phase, 'AwaitingApproval');
});

test('approvals: by who may, and the submitter sees it run at once', async () => {
    const alices = await pageOf('alice', `/jobs/${namespace}/asks`);
    await untilBadge(alices, 'Awaiting approval');
    const same = await withoutReload(alices);
    const page = await pageOf('carol');
    const nav = page.getByRole('navigation', {name: 'Pages'});
    await nav.getByRole('link', {name: /Approvals.*1/}).click();
    const what = await question(page, 'asks').innerText();
    check(`what is asked: ${what}`, /hostNetwork: true/.test(what) && what.includes('alice@example.org') && what.includes('sha256:'));
    await question(page, 'asks').getByRole('button', {name: 'Approve…'}).click();
    await page.getByLabel(/Reason/).fill('benchmark of Monday');
    await page.getByRole('button', {name: 'Approve', exact: true}).click();
    await page.getByText('Approved asks').first().waitFor();
    await untilBadge(alices, 'Running');
    check('not loaded anew', await same());
    const network = await kubectl(['-n', namespace, 'get', 'pods', '-l', 'dlworkspace.io/job=asks', '-o', 'jsonpath={.items[*].spec.hostNetwork}']);
    expect('its pod has it', network, 'true');
    await eventually('nothing waits any more', async () => await nav.locator('.count').count() === 0);
    await page.getByRole('button', {name: 'Decided'}).click();
    await page.getByText('“benchmark of Monday”').waitFor();
});

test('approvals: taken back, and the job ends', async () => {
    const page = await pageOf('carol', '/approvals?show=decided');
    await question(page, 'asks').getByRole('button', {name: 'Take back…'}).click();
    await page.getByRole('dialog').getByRole('button', {name: 'Take back'}).click();
    await page.getByText('Took back the approval of asks').first().waitFor();
    await eventually('it does not run', async () => (await getJob('asks')).status.phase !== 'Running' || 'Running', 30);
});

test('approvals: denied with a reason, which the submitter reads', async () => {
    const alices = await pageOf('alice');
    await submitYaml(alices, 'asks-too', await asking());
    await untilBadge(alices, 'Awaiting approval');
    const page = await pageOf('carol', `/jobs/${namespace}/asks-too`);
    await page.getByRole('link', {name: 'Decide…'}).click();
    await question(page, 'asks-too').getByRole('button', {name: 'Deny…'}).click();
    const deny = page.getByRole('button', {name: 'Deny', exact: true});
    check('not without a reason', await deny.isDisabled());
    await page.getByLabel(/Reason/).fill('use the queue of the lab');
    await deny.click();
    await page.getByText('Denied asks-too').first().waitFor();
    await alices.locator('.why-line', {hasText: 'use the queue of the lab'}).waitFor();
});
