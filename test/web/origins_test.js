// SPDX-License-Identifier: Apache-2.0
// Pages of other origins, in the browser of somebody who is logged in. One is another site; the other is as near as it gets: the same
// host at another port, to which browsers send SameSite=Strict cookies.
import {createServer} from 'node:https';
import {readFileSync} from 'node:fs';
import {manifest} from './lib/actions.js';
import {base, complaints, pageOf} from './lib/browser.js';
import {jobNames, namespace} from './lib/cluster.js';
import {ask} from './lib/entrance.js';
import {check, expect, test} from './lib/report.js';

const jobs = `${base}/api/v1/namespaces/${namespace}/jobs`;
const host = process.env.DLWS_WEB_ADDRESS;
const places = [{name: 'the same host at another port', address: host, site: 'same-site'}, {name: 'another site', address: '127.0.0.1', site: 'cross-site'}];

/** Runs `inside` with the origin of a page that is not ours. */
async function withOrigin(address, inside) {
    const pki = process.env.DLWS_WEB_PKI;
    const server = createServer({cert: readFileSync(`${pki}/oidc.crt`), key: readFileSync(`${pki}/oidc.key`)}, (request, answer) => {
        answer.writeHead(200, {'content-type': 'text/html'});
        const target = new URL(request.url, 'https://x').searchParams.get('frame');
        answer.end(`<!DOCTYPE html><title>elsewhere</title><body>${target === null ? '' : `<iframe src="${target}" width=900 height=600></iframe>`}`);
    });
    await new Promise(ready => server.listen(0, address, ready));
    try {
        await inside(`https://${address}:${server.address().port}`);
    } finally {
        server.closeAllConnections();
        server.close();
    }
}

/** A page there, in the browser where alice is logged in; and what the portal was asked by it: what went over the wire, not what
 *  the page was told of it. */
async function elsewhere(origin, path = '/') {
    const page = await pageOf('alice');
    await page.goto(origin + path);
    const byId = new Map();
    const at = id => byId.get(id) ?? byId.set(id, {}).get(id);
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Network.enable');
    cdp.on('Network.requestWillBeSent', e => Object.assign(at(e.requestId), {url: e.request.url, method: e.request.method}));
    cdp.on('Network.requestWillBeSentExtraInfo', e => Object.assign(at(e.requestId), {cookie: e.headers.Cookie ?? e.headers.cookie ?? ''}));
    cdp.on('Network.responseReceivedExtraInfo', e => Object.assign(at(e.requestId), {status: e.statusCode}));
    return {page, asked: () => [...byId.values()].filter(r => r.url?.startsWith(base) && r.status !== undefined)};
}

for (const {name, address, site} of places) {
    test(`origins: ${name} changes nothing`, async () => withOrigin(address, async origin => {
        const {page, asked} = await elsewhere(origin);
        const before = await jobNames();
        const body = manifest('forged', {command: ['true']});
        const tries = await page.evaluate(async ([jobs, base, body]) => {
            const results = [];
            const attempt = async (what, run) => { try { const r = await run(); results.push([what, r?.type ?? String(r), r?.status ?? 0]); } catch { results.push([what, 'refused', 0]); } };
            for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
                await attempt(`no-cors ${type}`, () => fetch(jobs, {method: 'POST', mode: 'no-cors', credentials: 'include', headers: {'Content-Type': type}, body}));
            await attempt('no-cors without a type', () => fetch(jobs, {method: 'POST', mode: 'no-cors', credentials: 'include', body: new Blob([body])}));
            await attempt('JSON', () => fetch(jobs, {method: 'POST', credentials: 'include', headers: {'Content-Type': 'application/json'}, body}));
            await attempt('with a token', () => fetch(jobs, {method: 'POST', credentials: 'include', headers: {'Content-Type': 'application/json', 'X-CSRF-Token': 'guess'}, body}));
            await attempt('delete', () => fetch(`${jobs}/live`, {method: 'DELETE', credentials: 'include'}));
            await attempt('stop', () => fetch(`${jobs}/live/stop`, {method: 'POST', mode: 'no-cors', credentials: 'include'}));
            await attempt('logout', () => fetch(`${base}/auth/logout`, {method: 'POST', mode: 'no-cors', credentials: 'include'}));
            await attempt('beacon', () => navigator.sendBeacon(jobs, body));
            await attempt('another login', () => fetch(`${base}/auth/token`, {method: 'POST', mode: 'no-cors', credentials: 'include', body: '{"token": "x"}'}));
            return results;
        }, [jobs, base, body]);
        check(`nothing could be read: ${JSON.stringify(tries)}`, tries.every(([, type, status]) => ['opaque', 'refused', 'true', 'false'].includes(type) && status === 0));
        // A form, which leads there.
        const form = page.waitForResponse(r => r.url() === jobs);
        await page.evaluate(([jobs, body]) => {
            const form = Object.assign(document.createElement('form'), {method: 'post', action: jobs, enctype: 'text/plain'});
            form.append(Object.assign(document.createElement('input'), {name: body.slice(0, -1), value: '}'}));
            document.body.append(form);
            form.submit();
        }, [jobs, body]);
        check(`the form is refused: ${(await form).status()}`, [401, 403].includes((await form).status()));
        const all = asked();
        check(`each is refused: ${JSON.stringify(all.map(a => [a.method, a.status]))}`, all.length >= 8 && all.every(a => a.status >= 400 && a.status < 500));
        // As near as it gets the cookie is sent: what refuses then is the server, not the browser.
        const withCookie = all.filter(a => /__Host-dlws=/.test(a.cookie));
        check(`cookies: with ${withCookie.length} of ${all.length}`, site === 'same-site' ? withCookie.length > 3 : withCookie.length === 0);
        expect('jobs', await jobNames(), before);
        await page.goto(`${base}/jobs`);
        await page.getByRole('button', {name: 'alice@example.org'}).waitFor();
        complaints.length = 0;   // the other page's
    }));

    test(`origins: ${name} reads nothing`, async () => withOrigin(address, async origin => {
        const {page} = await elsewhere(origin);
        const read = await page.evaluate(async base => {
            const results = {};
            for (const path of ['/api/v1/me', '/auth/session', '/api/v1/jobs?mine=false', '/api/v1/stream?topic=cluster'])
                for (const mode of ['cors', 'no-cors']) {
                    try {
                        const r = await fetch(base + path, {mode, credentials: 'include'});
                        results[`${mode} ${path}`] = r.type === 'opaque' ? 'opaque' : await r.text();
                    } catch { results[`${mode} ${path}`] = 'refused'; }
                }
            results.events = await new Promise(done => {
                const events = new EventSource(`${base}/api/v1/stream?topic=cluster`, {withCredentials: true});
                events.onmessage = events.onopen = () => done('open');
                events.onerror = () => done('refused');
            });
            for (const tag of ['script', 'img', 'link'])
                results[tag] = await new Promise(done => {
                    const e = document.createElement(tag);
                    if (tag === 'link') { e.rel = 'stylesheet'; e.href = `${base}/api/v1/me`; } else e.src = `${base}/api/v1/me`;
                    e.onload = () => done('loaded');
                    e.onerror = () => done('refused');
                    document.head.append(e);
                });
            return results;
        }, base);
        check(`${JSON.stringify(read)}`, Object.values(read).every(r => r === 'refused'));
        complaints.length = 0;   // the browser told the other page
    }));

    test(`origins: ${name} shows no page of ours in a frame`, async () => withOrigin(address, async origin => {
        const page = await pageOf('alice');
        const framed = async path => {
            await page.goto(`${origin}/?frame=${encodeURIComponent(base + path)}`);
            await page.waitForTimeout(500);
            const frame = page.frames().find(f => f.parentFrame() !== null);
            return frame === undefined ? '' : frame.evaluate(() => document.body?.innerText ?? '').catch(() => '');
        };
        for (const path of ['/jobs', '/login', '/approvals', '/api/v1/openapi.json', '/no/such/page']) {
            const text = await framed(path);
            check(`${path} in a frame: ${text.slice(0, 60)}`, !/DLWorkspace|openapi|alice/.test(text));
        }
        // The same without our headers, so that the test would see it.
        await page.route(url => url.href.startsWith(base) && !/^\/(api|auth)\//.test(url.pathname), async route => {   // streams do not end
            const answer = await route.fetch();
            const headers = Object.fromEntries(Object.entries(answer.headers()).filter(([name]) => !/^(content-security-policy|x-frame-options|cross-origin)/.test(name)));
            await route.fulfill({response: answer, headers});
        });
        check('without the headers it would be there', /DLWorkspace/.test(await framed('/jobs')));
        complaints.length = 0;
    }));

    test(`origins: ${name} has no hold of a window that it opens`, async () => withOrigin(address, async origin => {
        const {page} = await elsewhere(origin);
        const popup = page.waitForEvent('popup');
        await page.evaluate(base => { window.theirs = window.open(`${base}/jobs`); }, base);
        await (await popup).waitForLoadState().catch(() => undefined);
        await page.waitForFunction(() => window.theirs.closed, undefined, {timeout: 10_000});
        complaints.length = 0;
    }));
}

test('origins: the portal’s own page may, with the token alone', async () => {
    const page = await pageOf('alice');
    const tried = await page.evaluate(async ([jobs, body]) => {
        const {csrfToken} = await (await fetch('/auth/session')).json();
        const send = (headers, query = '') => fetch(jobs + query, {method: 'POST', headers: {'Content-Type': 'application/json', ...headers}, body});
        return [(await send({})).status, (await send({'X-CSRF-Token': csrfToken.replace(/./, c => c === 'A' ? 'B' : 'A')})).status, (await send({'X-CSRF-Token': csrfToken}, '?dryRun=All')).status];
    }, [jobs, manifest('forged', {command: ['true']})]);
    check(`without, with another, with the right one: ${tried}`, tried[0] === 403 && tried[1] === 403 && tried[2] < 300);
});

test('origins: every answer carries the headers', async () => {
    for (const path of ['/', '/jobs', '/assets/none.js', '/api/v1/me', '/api/v1/openapi.json', '/auth/session', '/api/none']) {
        const {headers} = await ask(path);
        const policy = headers['content-security-policy'] ?? '';
        check(`${path}: ${policy}`, policy.includes("default-src 'none'") && policy.includes("frame-ancestors 'none'") && policy.includes("require-trusted-types-for 'script'") && !/unsafe|\*/.test(policy));
        expect(`${path}: others`, [headers['x-frame-options'], headers['x-content-type-options']?.split(',')[0], headers['cross-origin-opener-policy'], headers['cross-origin-resource-policy'], headers['access-control-allow-origin']],
            ['DENY', 'nosniff', 'same-origin', 'same-origin', undefined]);
        check(`${path}: HSTS`, /max-age=\d{7,}/.test(headers['strict-transport-security'] ?? ''));
    }
});
