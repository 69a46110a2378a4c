// SPDX-License-Identifier: Apache-2.0
// Without a mouse.
import {jobUrl, untilBadge} from './lib/actions.js';
import {pageOf} from './lib/browser.js';
import {namespace} from './lib/cluster.js';
import {check, eventually, expect, test} from './lib/report.js';

/** What has the focus, shadow roots and all: its name, and whether one sees that it has it. */
const focused = page => page.evaluate(() => {
    let e = document.activeElement;
    while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
    if (e === null || e === document.body || e.id === 'main') return {name: '', seen: true};
    const look = getComputedStyle(e);
    const labels = [...(e.labels ?? [])].map(l => l.textContent).join(' ');
    return {name: `${e.getAttribute('aria-label') ?? ''} ${labels} ${e.tagName === 'INPUT' || e.tagName === 'TEXTAREA' ? '' : e.textContent.slice(0, 80)}`.trim(),
        seen: e.matches(':focus-visible') === false || look.outlineStyle !== 'none' || look.boxShadow !== 'none' || e.closest('.cm-editor') !== null};
});

/** Tab until the focus is on what has this name; each step must be seen. */
async function tabTo(page, name, most = 60) {
    for (let i = 0; i < most; ++i) {
        const at = await focused(page);
        check(`one sees the focus on “${at.name}”`, at.seen);
        if (name.test(at.name)) return;
        await page.keyboard.press('Tab');
    }
    throw new Error(`${most} times Tab, and never on ${name}`);
}

test('keyboard: a job is submitted without a mouse', async () => {
    const page = await pageOf('alice');
    await page.getByRole('heading', {name: 'Jobs'}).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await page.getByRole('heading', {name: 'New job'}).waitFor();
    await tabTo(page, /^An empty job/);
    await page.keyboard.press('Enter');
    await page.getByLabel('Name', {exact: true}).waitFor();
    await tabTo(page, /^Name$/);
    await page.keyboard.press('Control+A');
    await page.keyboard.type('by-keys');
    await tabTo(page, /^Image$/);
    await page.keyboard.press('Control+A');
    await page.keyboard.type('dlworkspace.io/tools:1');
    await tabTo(page, /^Command$/);
    await page.keyboard.press('Control+A');
    await page.keyboard.type('echo by-keys');
    await tabTo(page, /^YAML of the job/, 90);
    await page.keyboard.press('Control+Enter');
    await page.waitForURL(jobUrl('by-keys'));
    await untilBadge(page, 'Succeeded');
});

test('keyboard: the editor does not keep the focus', async () => {
    const page = await pageOf('alice', '/submit?starter=empty');
    await page.locator('.cm-content').focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    check('somewhere else', !/^YAML of the job/.test((await focused(page)).name));
});

test('keyboard: a row is opened, its dialogs give the focus back', async () => {
    const page = await pageOf('alice', `/jobs?mine=false&namespace=${namespace}`);
    await page.locator('tbody tr').first().waitFor();
    const name = await page.locator('tbody tr').nth(0).locator('.name a').textContent();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(jobUrl(name));
    await page.keyboard.press('?');
    await page.getByRole('dialog', {name: 'Keys'}).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({state: 'detached'});
    await page.getByRole('button', {name: 'alice@example.org'}).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', {name: 'You'}).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({state: 'detached'});
    await eventually('the button has the focus again', async () => { const {name} = await focused(page); return name === 'alice@example.org' || name; });
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await page.getByRole('heading', {name: 'Approvals'}).waitFor();
});

test('keyboard: the first Tab leads past the navigation', async () => {
    const page = await pageOf('alice');
    await page.getByRole('heading', {name: 'Jobs'}).waitFor();
    await page.keyboard.press('Tab');
    expect('the first stop', (await focused(page)).name, 'Skip to the page');
    await page.keyboard.press('Enter');
    expect('where it leads', await page.evaluate(() => document.activeElement.id), 'main');
});
