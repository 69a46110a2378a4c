// SPDX-License-Identifier: Apache-2.0
// Chromium, and people who are logged in with it.
import {createRequire} from 'node:module';

const require = createRequire(`${process.env.DLWS_WEB_MODULES}/`);
const {chromium} = require('playwright-core');
export const base = process.env.DLWS_WEB_URL;

const settings = {executablePath: '/usr/bin/chromium', args: ['--no-sandbox']};
const browser = await chromium.launch(settings);
let withMemory;
export const closeBrowser = async () => { await browser.close(); await withMemory?.close(); };

/** What the pages of the test complained of: errors, dialogs, what the policy refused, answers of 5xx. */
export const complaints = [];
let serverMayFail = false;
let contexts = [];

export function startFresh({mayFail}) {
    complaints.length = 0;
    serverMayFail = mayFail;
    contexts = [];
}
export const openPages = () => contexts.flatMap(c => c.pages());

/**
 * A browser of its own, with no cookie. `memory`: going back shows the page as it was, out of memory, as people's browsers do and
 * Playwright's do not.
 */
export async function newBrowser({theme = 'light', width = 1280, cookies, memory = false} = {}) {
    if (memory) withMemory ??= await chromium.launch({...settings, ignoreDefaultArgs: ['--disable-back-forward-cache']});
    const context = await (memory ? withMemory : browser).newContext({viewport: {width, height: 860}, colorScheme: theme, ignoreHTTPSErrors: true, storageState: cookies, locale: 'en-GB', timezoneId: 'UTC', permissions: ['clipboard-read', 'clipboard-write']});
    contexts.push(context);
    context.setDefaultTimeout(15_000);
    await context.addInitScript(() => document.addEventListener('securitypolicyviolation',
        e => console.error(`policy: ${e.effectiveDirective} refuses ${e.blockedURI} ${e.sample}`)));
    context.on('page', page => {
        page.on('console', m => { if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) complaints.push(m.text()); });
        page.on('pageerror', e => complaints.push(e.message));
        page.on('dialog', d => { complaints.push(`a dialog: ${d.message()}`); void d.dismiss(); });
        page.on('response', r => { if (r.status() >= 500 && !serverMayFail) complaints.push(`${r.status()} of ${r.url()}`); });
    });
    return context;
}

/** From the portal's login page, through the provider, back to the portal. */
export async function logIn(page, name) {
    await page.getByRole('link', {name: 'Log in', exact: true}).click();
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(`${name}-password`);
    await page.getByRole('button', {name: 'Log in'}).click();
    await page.waitForURL(url => url.href.startsWith(`${base}/`));
    await page.getByRole('button', {name: `${name}@example.org`}).waitFor();
}

const loggedIn = new Map();
/** A page of somebody who has logged in before. */
export async function pageOf(name, path = '/jobs', options = {}) {
    if (!loggedIn.has(name)) {
        const context = await newBrowser();
        const page = await context.newPage();
        await page.goto(`${base}/jobs`);
        await logIn(page, name);
        loggedIn.set(name, await context.storageState());
        await context.close();
        contexts = contexts.filter(c => c !== context);
    }
    const context = await newBrowser({...options, cookies: loggedIn.get(name)});
    const page = await context.newPage();
    await page.goto(base + path);
    await page.getByRole('button', {name: `${name}@example.org`}).waitFor();
    return page;
}
/** Whose login is not good any more. */
export const forget = name => loggedIn.delete(name);

/** A request by the page's own script: with cookie, and with the token for writes. */
export const askAs = (page, method, path, body, type = 'application/json') => page.evaluate(async ([method, path, body, type]) => {
    const {csrfToken} = await (await fetch('/auth/session')).json();
    const answer = await fetch(path, {method, headers: {'Content-Type': type, 'X-CSRF-Token': csrfToken}, body});
    return {status: answer.status, body: await answer.text()};
}, [method, path, body, type]);

/** From now on the page must not be loaded anew; the function that is returned says whether it was. */
export async function withoutReload(page) {
    await page.evaluate(() => { window.sameDocument = true; });
    return () => page.evaluate(() => window.sameDocument === true);
}
export const badge = page => page.locator('h1 .badge').textContent();
