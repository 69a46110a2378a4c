// SPDX-License-Identifier: Apache-2.0
// In, out, and what is left of it in the browser.
import {base, logIn, newBrowser, pageOf} from './lib/browser.js';
import {makeJob, namespace, privateNamespace} from './lib/cluster.js';
import {check, eventually, expect, test} from './lib/report.js';

test('login: the page that was asked for comes after it', async () => {
    const page = await (await newBrowser()).newPage();
    const link = `/jobs?mine=false&q=digits&phase=Running&sort=-gpus`;
    await page.goto(base + link);
    await logIn(page, 'alice');
    expect('where it leads', page.url(), base + link);
    expect('the search', await page.getByLabel('Search jobs').inputValue(), 'digits');
});

test('login: no page outside of the portal comes after it', async () => {
    for (const to of ['https://evil.example/', '//evil.example/', '/\\evil.example', 'javascript:alert(1)', '/jobs\r\nSet-Cookie: a=b']) {
        const page = await (await newBrowser()).newPage();
        await page.goto(`${base}/auth/login?return=${encodeURIComponent(to)}`);
        if (page.url().startsWith(base)) continue;   // refused before the provider
        await page.getByLabel('Name').fill('alice');
        await page.getByLabel('Password').fill('alice-password');
        await page.getByRole('button', {name: 'Log in'}).click();
        await page.getByRole('button', {name: 'alice@example.org'}).waitFor();
        check(`${to} leads to ${page.url()}`, page.url().startsWith(`${base}/`));
    }
});

test('login: cookies are for this host and its server alone', async () => {
    const context = await newBrowser();
    const page = await context.newPage();
    await page.goto(`${base}/jobs`);
    await page.getByRole('link', {name: 'Log in', exact: true}).click();
    await page.getByLabel('Name').waitFor();
    const portals = async () => (await context.cookies(base)).filter(c => c.name.startsWith('__Host-'));
    const look = c => ({name: c.name, httpOnly: c.httpOnly, secure: c.secure, sameSite: c.sameSite, path: c.path, domain: c.domain});
    const host = new URL(base).hostname;
    expect('while logging in', (await portals()).map(look), [{name: '__Host-dlws-login', httpOnly: true, secure: true, sameSite: 'Lax', path: '/', domain: host}]);
    await page.goto(`${base}/jobs`);
    await logIn(page, 'alice');
    const cookies = await portals();
    expect('afterwards', cookies.map(look), [{name: '__Host-dlws', httpOnly: true, secure: true, sameSite: 'Strict', path: '/', domain: host}]);
    check('and none without the prefix', (await context.cookies(base)).every(c => c.name.startsWith('__Host-') || !/dlws|session/i.test(c.name) || c.name.startsWith('_')));
    const script = await page.evaluate(() => ({cookie: document.cookie, stored: JSON.stringify([{...localStorage}, {...sessionStorage}])}));
    expect('what scripts see of cookies', script.cookie.includes('__Host-'), false);
    check('no token is stored', !/eyJ/.test(script.stored) && !script.stored.includes(cookies[0].value));
});

test('login: an answer that nobody asked for is refused in words', async () => {
    const context = await newBrowser();
    const page = await context.newPage();
    await page.goto(`${base}/auth/callback?code=stolen&state=made-up&iss=https%3A%2F%2Fevil.example`);
    await page.getByRole('alert').getByText('begun in another window').waitFor();
    await page.goto(`${base}/login?error=${encodeURIComponent('<img src=x onerror=alert(1)>')}`);
    await page.getByRole('alert').getByText('did not work').waitFor();
    check('no session', !(await context.cookies(base)).some(c => c.name === '__Host-dlws'));
});

test('logout: another tab ends at once, and going back shows nothing', async () => {
    await makeJob('secret-plan', {command: ['true']}, {ns: privateNamespace});
    const context = await newBrowser({memory: true});
    const page = await context.newPage();
    await page.goto(`${base}/jobs?mine=false`);
    await logIn(page, 'alice');
    await page.getByRole('link', {name: 'secret-plan'}).waitFor();
    const other = await context.newPage();
    await other.goto(`${base}/jobs?mine=false`);
    await other.getByRole('link', {name: 'secret-plan'}).waitFor();
    await page.bringToFront();
    await page.getByRole('button', {name: 'alice@example.org'}).click();
    await page.getByRole('button', {name: 'Log out', exact: true}).click();
    await page.waitForURL(url => !url.href.startsWith(base));
    // Its stream ends; it was not touched.
    await other.getByRole('link', {name: 'Log in', exact: true}).waitFor({timeout: 10_000});
    expect('jobs that the other tab still shows', await other.getByText('secret-plan').count(), 0);
    check('no cookie is left', !(await context.cookies(base)).some(c => c.name === '__Host-dlws'));
    // The provider asks whether its own session is to end, too.
    await page.getByRole('button', {name: 'Log out'}).click();
    await page.waitForURL(url => url.href.startsWith(`${base}/`));
    await page.getByRole('link', {name: 'Log in', exact: true}).waitFor();
});

test('logout: going back shows nothing, not even out of the browser’s memory', async () => {
    const context = await newBrowser({memory: true});
    const page = await context.newPage();
    await page.goto(`${base}/jobs?mine=false`);
    await logIn(page, 'alice');
    await page.getByRole('link', {name: 'secret-plan'}).waitFor();
    await page.getByRole('button', {name: 'alice@example.org'}).click();
    await page.getByRole('button', {name: 'Log out', exact: true}).click();
    await page.waitForURL(url => !url.href.startsWith(base));
    await page.goBack({waitUntil: 'commit'}).catch(() => undefined);
    // As the browser shows it, at once and a moment later.
    for (let i = 0; i < 10; ++i) {
        const text = await page.evaluate(() => document.body.innerText).catch(() => '');
        check(`what is there: ${text.slice(0, 200)}`, !text.includes('secret-plan'));
        await new Promise(wake => setTimeout(wake, 200));
    }
    expect('the address', new URL(page.url()).pathname, '/jobs');
    await page.getByRole('link', {name: 'Log in', exact: true}).waitFor();
});

test('rights: who may not see a job does not learn whether it is there', async () => {
    const page = await pageOf('bob');
    const words = async name => {
        await page.goto(`${base}/jobs/${privateNamespace}/${name}`);
        await page.locator('main .box.bad, main .empty').first().waitFor();
        return (await page.locator('main').innerText()).replaceAll(name, 'NAME').replace(/Request \S+/, '');
    };
    expect('what is said of one that is there', await words('secret-plan'), await words('no-such-job'));
    await page.goto(`${base}/jobs?mine=false&q=secret`);
    await page.getByText('No job fits the filter').waitFor();
    await eventually('it may look at its own namespace', async () => (await page.goto(`${base}/jobs?mine=false&namespace=${namespace}`)).ok());
});
