// SPDX-License-Identifier: Apache-2.0
// Every string that a user controls, as markup, link, escape sequence: it is shown as what it is, and the policy has nothing to refuse
// (a refusal would be a complaint of the page, and fail the test).
import {bash, jobUrl, manifest, untilBadge, writeYaml} from './lib/actions.js';
import {askAs, base, pageOf} from './lib/browser.js';
import {apply, getJob, kubectl, makeJob, namespace, pinnedImage, untilPhase} from './lib/cluster.js';
import {ask} from './lib/entrance.js';
import {all, escapes, payloads, whatCameAlive} from './lib/hostile.js';
import {check, eventually, expect, test} from './lib/report.js';

const quoted = text => `'${text.replaceAll("'", `'"'"'`)}'`;
const printAll = [...payloads, ...escapes].map(line => `printf '%s\\n' ${quoted(line)}`).join('; ');

async function isText(page, what) {
    expect(`${what}: what came alive`, await whatCameAlive(page), []);
}
async function shows(page, what, text) {
    await eventually(`${what} shows ${text}`, async () => page.evaluate(t => document.body.innerText.includes(t), text));
}

test('hostile: the check itself finds what came alive', async () => {
    const page = await pageOf('alice');
    await page.evaluate(() => {
        document.body.append(Object.assign(document.createElement('a'), {href: 'javascript:0'}), Object.assign(document.createElement('img'), {alt: ''}));
        document.querySelector('img').setAttribute('onerror', 'x');
    }).catch(() => undefined);
    check('it does', (await whatCameAlive(page)).length >= 2);
    const {complaints} = await import('./lib/browser.js');
    await eventually('and the policy says what it refuses', async () => {
        await page.evaluate(() => { document.body.append(Object.assign(document.createElement('script'), {src: 'https://evil.example/x.js'})); }).catch(() => undefined);
        return complaints.some(c => /policy|Content Security Policy|TrustedScriptURL/.test(c));
    });
    complaints.length = 0;
});

test('hostile: the words of a job, on each of its pages', async () => {
    await makeJob('hostile', {
        command: bash(`${printAll}; printf '%s' ${quoted(all)} >/dev/termination-log; exit 3`), args: payloads, workingDir: '/tmp',
        env: payloads.map((value, i) => ({name: `P${i}`, value})), files: [{name: 'x.py', content: all}],
    }, {annotations: {'example.org/note': all}, labels: {'example.org/label': 'javascript.alert-1'}});
    await untilPhase('hostile', 'Failed');
    await kubectl(['create', '-f', '-'], JSON.stringify({apiVersion: 'v1', kind: 'Event', metadata: {generateName: 'hostile.', namespace}, type: 'Warning',
        reason: '<b>Reason</b>', message: all, reportingComponent: '<i>me</i>', source: {component: '<i>me</i>'}, firstTimestamp: new Date().toISOString(), lastTimestamp: new Date().toISOString(), count: 1,
        involvedObject: {apiVersion: 'dlworkspace.io/v1', kind: 'DLJob', name: 'hostile', namespace, uid: (await getJob('hostile')).metadata.uid}}));
    const page = await pageOf('bob', `/jobs/${namespace}/hostile`);
    await untilBadge(page, 'Failed');
    await shows(page, 'the overview', payloads[1]);
    await isText(page, 'overview');
    await page.goto(jobUrl('hostile', 'events'));
    await shows(page, 'events', '<b>Reason</b>');
    await shows(page, 'events', payloads[0]);
    await isText(page, 'events');
    await page.goto(jobUrl('hostile', 'yaml'));
    await shows(page, 'YAML', 'onerror=window.hit=1');
    await isText(page, 'YAML');
    await page.goto(`${base}/jobs?mine=false&q=hostile`);
    await page.locator('tbody tr', {hasText: 'hostile'}).first().waitFor();
    await isText(page, 'list');
    await page.goto(`${base}/submit?clone=${encodeURIComponent(`${namespace}/hostile`)}`);
    await page.locator('.cm-content').waitFor();
    await page.waitForTimeout(1000);
    await isText(page, 'clone');
});

test('hostile: the lines of a log', async () => {
    const page = await pageOf('bob', `/jobs/${namespace}/hostile/logs?tail=all`);
    await page.locator('.log-line', {hasText: payloads[0]}).first().waitFor();
    const lines = await page.locator('.log-line .text').allTextContents();
    for (const payload of payloads.slice(0, 10)) check(`a line is ${payload}`, lines.some(l => l === payload));
    check(`no line hides its direction: ${lines.at(10)}`, !lines.some(l => /[\u202a-\u202e\u2066-\u2069]/.test(l)));
    check('what a link of a terminal says is text', lines.some(l => l.includes('click me') && !l.includes('javascript:')) && await page.locator('.log-line a').count() === 0);
    check('colours are classes', await page.locator('.log-line .c-red', {hasText: '<img src=x'}).count() === 1);
    check('no escape is left', !lines.some(l => l.includes('\u001b')));
    await page.getByLabel('Search the log').fill('<script>');
    await page.locator('.log-line mark').first().waitFor();
    await page.getByRole('button', {name: /Regular expression/}).click();
    await page.getByLabel('Search the log').fill('<(img|svg)');
    await page.locator('.log-line mark').first().waitFor();
    await isText(page, 'log');
});

test('hostile: the name of an image, and why it is not found', async () => {
    await makeJob('hostile-image', {image: '<img/src=x/onerror=window.hit=1>:javascript:1', command: ['true']});
    const page = await pageOf('bob', `/jobs/${namespace}/hostile-image`);
    await shows(page, 'the overview', '<img/src=x/onerror=window.hit=1>');
    await page.waitForTimeout(3000);   // its pod's own words of it
    await isText(page, 'overview');
    await page.goto(jobUrl('hostile-image', 'events'));
    await page.locator('table.events tbody tr').first().waitFor();
    await isText(page, 'events');
    await page.goto(`${base}/submit?starter=empty`);
    await page.getByLabel('Image').click();
    await isText(page, 'the images that the form offers');
    await kubectl(['-n', namespace, 'delete', 'dljob', 'hostile-image']);
});

test('hostile: a log that is opened by its address is saved, not shown', async () => {
    const page = await pageOf('bob');
    const answer = await page.evaluate(async path => {
        const got = await fetch(path);
        return {type: got.headers.get('Content-Type'), disposition: got.headers.get('Content-Disposition'), sniff: got.headers.get('X-Content-Type-Options'), csp: got.headers.get('Content-Security-Policy')};
    }, `/api/v1/namespaces/${namespace}/jobs/hostile/logs/text`);
    check(`its headers: ${JSON.stringify(answer)}`, /^application\/octet-stream|^text\/plain/.test(answer.type) && /^attachment/.test(answer.disposition) && /^nosniff/.test(answer.sniff) && /default-src 'none'/.test(answer.csp));
    const saved = page.waitForEvent('download');
    await page.goto(`${base}/api/v1/namespaces/${namespace}/jobs/hostile/logs/text`).catch(() => undefined);
    await saved;
});

test('hostile: addresses', async () => {
    const page = await pageOf('alice');
    for (const payload of payloads) {
        const code = encodeURIComponent(payload);
        for (const path of [`/jobs?q=${code}&owner=${code}&namespace=${code}`, `/jobs/${code}/${code}`, `/${code}`, `/jobs#${code}`,
            `/submit?clone=${code}`, `/submit?template=${code}`, `/approvals?job=${code}`, `/jobs/${namespace}/hostile/logs?q=${code}&rank=${code}&since=${code}`]) {
            await page.goto(base + path, {waitUntil: 'load'});
            await page.getByRole('button', {name: 'alice@example.org'}).waitFor();
            await isText(page, path);
        }
    }
    check('the search is shown as it is', await page.goto(`${base}/jobs?q=${encodeURIComponent(payloads[1])}`) !== null && await page.getByLabel('Search jobs').inputValue() === payloads[1]);
}, {seconds: 180});

test('hostile: the words of a template', async () => {
    await apply({apiVersion: 'dlworkspace.io/v1', kind: 'DLJobTemplate', metadata: {name: 'hostile', namespace},
        spec: {title: payloads[1], description: all, job: {spec: {image: payloads[4], command: payloads}}}});
    const page = await pageOf('bob', '/templates');
    await shows(page, 'the list', payloads[1]);
    await shows(page, 'the list', payloads[0]);
    await isText(page, 'list');
    await page.getByRole('button', {name: `Delete ${payloads[1]}`}).click();
    await page.getByRole('dialog').waitFor();
    await isText(page, 'dialog');
    await page.goto(`${base}/submit`);
    await shows(page, 'the gallery', payloads[1]);
    await isText(page, 'gallery');
    await page.goto(`${base}/submit?template=${encodeURIComponent(`${namespace}/hostile`)}`);
    await page.locator('.cm-content').waitFor();
    await isText(page, 'form');
    await kubectl(['-n', namespace, 'delete', 'dljobtemplate', 'hostile']);
}, {needs: ['ListTemplates', 'GetTemplate']});

test('hostile: errors of the server, in words of the form', async () => {
    const page = await pageOf('alice', '/submit?starter=empty');
    await writeYaml(page, manifest('hostile-form', {framework: all, roles: [{name: '<img src=x onerror=window.hit=1>', gpuType: payloads[1]}], priorityClassName: payloads[0]}));
    await page.locator('.findings li').first().waitFor();
    await page.locator('.cm-lint-marker-error').first().hover();
    await page.locator('.cm-tooltip').first().waitFor().catch(() => undefined);
    await page.getByRole('button', {name: 'Submit', exact: true}).click();
    await page.locator('main .box.bad').waitFor();
    await isText(page, 'refusal');
    await page.getByRole('group', {name: 'View'}).getByRole('button', {name: 'Form'}).click();
    await isText(page, 'form');
});

test('hostile: what an approval is asked for with, and why it is denied', async () => {
    await kubectl(['delete', 'dljob', 'hostile-asks', '-n', namespace, '--ignore-not-found']);
    const alices = await pageOf('alice', '/submit?starter=empty');
    await writeYaml(alices, manifest('hostile-asks', {image: await pinnedImage(), command: ['echo', all], permissions: {hostNetwork: true}, env: [{name: 'A', value: all}]}));
    await alices.getByRole('button', {name: 'Submit', exact: true}).click();
    await untilBadge(alices, 'Awaiting approval');
    const page = await pageOf('carol', '/approvals');
    const question = page.getByRole('article', {name: `${namespace}/hostile-asks`});
    await question.waitFor();
    await isText(page, 'question');
    await question.getByRole('button', {name: 'Deny…'}).click();
    await page.getByLabel(/Reason/).fill(all.slice(0, 500));
    await page.getByRole('button', {name: 'Deny', exact: true}).click();
    await page.getByText('Denied hostile-asks').first().waitFor();
    await page.getByRole('button', {name: 'Decided'}).click();
    await question.getByText('Denied').first().waitFor();
    await isText(page, 'decided');
    await alices.locator('.why-line', {hasText: payloads[0]}).waitFor();
    await isText(alices, 'the submitter’s page');
});

test('hostile: words of a DLUser', async () => {
    await apply({apiVersion: 'dlworkspace.io/v1', kind: 'DLUser', metadata: {name: 'web-bob', annotations: {a: all}}, spec: {username: 'bob@example.org', uid: 7301, gid: 7301, fullName: undefined}});
    try {
        const page = await pageOf('bob');
        await page.getByRole('button', {name: 'bob@example.org'}).click();
        await eventually('the account', async () => {
            await page.reload();
            await page.getByRole('button', {name: 'bob@example.org'}).click();
            return (await page.getByRole('dialog').innerText()).includes('7301');
        });
        await isText(page, 'account');
    } finally {
        await kubectl(['delete', 'dluser', 'web-bob']);
    }
});

test('hostile: JSON is no page, whatever is in it', async () => {
    const page = await pageOf('alice');
    for (const path of ['/api/v1/jobs?mine=false&q=hostile', `/api/v1/namespaces/${namespace}/jobs/hostile`, `/api/v1/namespaces/${namespace}/jobs/hostile/manifest`, `/api/v1/%3Cscript%3E`]) {
        const {headers} = await ask(path);
        check(`${path}: ${headers['content-type']}`, !/html|xml/.test(headers['content-type']) && /^nosniff/.test(headers['x-content-type-options']));
        await page.goto(base + path).catch(() => undefined);   // some are saved
        check(`${path} runs nothing`, !(await page.evaluate(() => 'hit' in window)));
    }
    expect('the same, asked for by the page', (await askAs(await pageOf('alice'), 'GET', `/api/v1/namespaces/${namespace}/jobs/hostile`)).status, 200);
});
