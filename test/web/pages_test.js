// SPDX-License-Identifier: Apache-2.0
// Each page in both themes and two widths: nothing that axe finds serious or critical (WCAG), nothing wider than the window, and a
// screenshot to look at.
import {axeFinds} from './lib/axe.js';
import {counting, submitYaml} from './lib/actions.js';
import {base, newBrowser, pageOf} from './lib/browser.js';
import {makeJob, namespace, pinnedImage, privateNamespace, untilPhase} from './lib/cluster.js';
import {check, expect, screenshots, test} from './lib/report.js';

const job = `/jobs/${namespace}/shown`;
const button = name => page => page.getByRole('button', {name, exact: true}).click();
/** `ready` is there when the page is; `needs`, of the contract. */
const pages = [
    {name: 'login', who: null, path: '/jobs', ready: 'main.login a.button'},
    {name: 'login-refused', who: null, path: '/login?error=TokenRefused', ready: '[role=alert]'},
    {name: 'jobs', path: '/jobs', ready: 'tbody tr'},
    {name: 'jobs-all', path: '/jobs?mine=false', ready: 'tbody tr'},
    {name: 'jobs-selected', who: 'bob', path: '/jobs?mine=false&q=shown', ready: 'tbody tr', then: page => page.locator('tbody input').first().check()},
    {name: 'jobs-filter', path: '/jobs?mine=false', ready: 'tbody tr', then: page => page.locator('details.menu summary').first().click()},
    {name: 'jobs-none', who: 'carol', path: '/jobs', ready: '.empty'},
    {name: 'job', path: job, ready: '.timeline'},
    {name: 'job-waits', path: `/jobs/${namespace}/shown-waits`, ready: '.timeline'},
    {name: 'job-failed', path: `/jobs/${namespace}/shown-failed`, ready: '.timeline'},
    {name: 'job-logs', path: `${job}/logs`, ready: '.log-line'},
    {name: 'job-logs-search', path: `${job}/logs?q=line&times=utc&wrap=true&rank=0`, ready: '.log-line mark'},
    {name: 'job-events', path: `${job}/events`, ready: 'table.events'},
    {name: 'job-metrics', path: `${job}/metrics`, ready: 'main h2, main .empty, main .box', needs: 'GetJobMetrics'},
    {name: 'job-yaml', path: `${job}/yaml`, ready: 'main pre, .cm-content'},
    {name: 'job-none', path: `/jobs/${namespace}/absent`, ready: '.empty'},
    {name: 'stop', who: 'bob', path: job, ready: '.timeline', then: button('Stop…')},
    {name: 'submit', path: '/submit', ready: '.gallery'},
    {name: 'submit-both', path: '/submit?starter=torch', ready: '.cm-content'},
    {name: 'submit-mistake', path: '/submit?starter=script', ready: '.cm-content', then: async page => {
        await page.getByLabel('Name', {exact: true}).fill('Not A Name');
        await page.locator('.findings li, .box.bad').first().waitFor();
    }},
    {name: 'approvals', who: 'carol', path: '/approvals', ready: 'article'},
    {name: 'approvals-decide', who: 'carol', path: '/approvals', ready: 'article', then: page => page.getByRole('button', {name: 'Approve…'}).first().click()},
    {name: 'approvals-decided', who: 'carol', path: '/approvals?show=decided', ready: 'article, .empty'},
    {name: 'approvals-own', path: '/approvals', ready: 'article'},
    {name: 'cluster', path: '/cluster', ready: '.types', needs: 'GetClusterStatus'},
    {name: 'storage', path: '/storage', ready: '.storages li', needs: 'ListStorages'},
    {name: 'templates', path: '/templates', ready: '.empty, table', needs: 'ListTemplates'},
    {name: 'keys', path: '/jobs', ready: 'tbody tr', then: page => page.keyboard.press('?')},
    {name: 'account', path: '/jobs', ready: 'tbody tr', then: button('alice@example.org')},
    {name: 'not-found', path: '/no/such/page', ready: '.empty'},
];

let made;
const make = () => made ??= (async () => {
    await makeJob('shown', {command: counting, framework: 'Torch', roles: [{name: 'worker', replicas: 3}]});
    await makeJob('shown-failed', {command: ['bash', '-c', 'echo "Traceback: CUDA out of memory" >&2; exit 3']}, {ns: namespace});
    await makeJob('shown-waits', {command: ['true'], roles: [{name: 'worker', replicas: 2, gpus: 100}]});
    await makeJob('shown-asks', {image: await pinnedImage(), command: ['true'], permissions: {hostNetwork: true}});
    await makeJob('elsewhere', {command: ['true']}, {ns: privateNamespace});
    await submitYaml(await pageOf('alice'), 'shown-mine', {command: ['echo', 'mine'], roles: [{name: 'worker', gpus: 1}]});
    await untilPhase('shown', 'Running');
    await untilPhase('shown-failed', 'Failed');
    await untilPhase('shown-asks', 'AwaitingApproval');
})();

async function look({name, who = 'alice', path, ready, then}, theme, width) {
    let page;
    if (who === null) {
        page = await (await newBrowser({theme, width})).newPage();
        await page.goto(base + path);
    } else {
        page = await pageOf(who, path, {theme, width});
    }
    await page.locator(ready).first().waitFor();
    if (then) await then(page);
    await page.waitForTimeout(300);
    await page.screenshot({path: `${screenshots}/${name}-${theme}-${width}.png`});
    expect('what axe finds', await axeFinds(page), []);
    check('it is no wider than the window', await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    expect('its language, one main heading', await page.evaluate(() => [document.documentElement.lang, document.querySelectorAll('h1').length <= 1]), ['en', true]);
}

for (const page of pages)
    for (const theme of ['light', 'dark'])
        test(`pages: ${page.name}, ${theme}`, async () => {
            await make();
            for (const width of [1280, 390]) await look(page, theme, width);
        }, {needs: page.needs === undefined ? [] : [page.needs], seconds: 90});

test('pages: axe itself finds what is wrong', async () => {
    const page = await pageOf('alice');
    await page.locator('h1').evaluate(e => { e.style.color = '#ddd'; e.style.background = '#fff'; });
    check('pale on white', (await axeFinds(page)).some(found => found.startsWith('serious color-contrast')));
});

test('pages: a theme that was chosen stays, and letters may be twice as large', async () => {
    const page = await pageOf('alice');
    const dark = () => page.evaluate(() => [document.documentElement, document.body].map(e => getComputedStyle(e).backgroundColor).join());
    const before = await dark();
    for (let i = 0; i < 3 && await dark() === before; ++i) await page.getByRole('button', {name: /^Theme/}).click();
    const chosen = await dark();
    check('another one', chosen !== before);
    await page.reload();
    await page.getByRole('heading', {name: 'Jobs'}).waitFor();
    expect('after a reload', await dark(), chosen);
    await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
    check('no wider than the window', await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
});
