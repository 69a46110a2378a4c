// SPDX-License-Identifier: Apache-2.0
// `dlws login` by the browser, and what the command line does as that person; the same with a token of the cluster.
import {createHash, randomBytes} from 'node:crypto';
import {counting, jobUrl, manifest} from './lib/actions.js';
import {axeFinds} from './lib/axe.js';
import {base, newBrowser, pageOf} from './lib/browser.js';
import {apply, getJob, kubectl, namespace, untilPhase} from './lib/cluster.js';
import {withMachine} from './lib/dlws.js';
import {ask} from './lib/entrance.js';
import {check, eventually, expect, screenshots, test} from './lib/report.js';

const needs = ['ConfirmCli', 'RedeemCliCode'];
const question = page => page.getByRole('heading', {name: 'May the command line on this machine act as you?'});

/** The address that `dlws login` prints, through the provider, to the question. */
async function toQuestion(page, address, name) {
    await page.goto(address);
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(`${name}-password`);
    await page.getByRole('button', {name: 'Log in'}).click();
    await question(page).waitFor();
    await page.locator('main strong', {hasText: `${name}@example.org`}).waitFor();
}
const say = (page, word) => page.getByRole('button', {name: word, exact: true}).click();
const portals = async context => (await context.cookies(base)).filter(c => c.name.startsWith('__Host-dlws')).map(c => c.name);
const sessions = async () => (await kubectl(['-n', 'dlws-sessions', 'get', 'secrets', '-o', 'name'])).split('\n').filter(Boolean);
const bearer = token => ({headers: {Authorization: `Bearer ${token}`}});
const post = (path, body) => ask(path, {method: 'POST', headers: {'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(JSON.stringify(body))}, body: JSON.stringify(body)});

/** list, submit, logs and stop, as whom. */
async function useIt(dlws, job, username) {
    await dlws.good('submit', '-f', dlws.write('job.json', manifest(job, {command: counting})));
    expect('as whom', (await getJob(job)).spec.submittedBy?.username, username);
    expect('my jobs', (await dlws.good('list', '-n', namespace, '-o', 'name')).split('\n').filter(l => l.includes(job)), [`${namespace}/${job}`]);
    await untilPhase(job, 'Running');
    await eventually('what it prints', async () => (await dlws.good('logs', `${namespace}/${job}`)).includes('line 1\n'));
    await dlws.good('stop', `${namespace}/${job}`);
    await untilPhase(job, 'Stopped');
}

test('cli: yes in the browser, and the command line is that person', () => withMachine(async dlws => {
    const context = await newBrowser();
    const page = await context.newPage();
    const login = await dlws.startLogin();
    await toQuestion(page, login.address, 'alice');
    expect('cookies while it is asked', await portals(context), ['__Host-dlws-cli']);
    await say(page, 'Yes, it may');
    await page.getByText('You are logged in.').waitFor();
    const {code, out, err} = await login.done;
    expect(`it ends (${err})`, code, 0);
    check(`and says who: ${out}`, out.startsWith(`you are alice@example.org at ${base}, until `));
    expect('cookies that are left', await portals(context), []);
    const {text, mode} = dlws.kept();
    const token = /dlws1\.[\w.-]+/.exec(text)?.[0];
    expect('whose file the token is in', mode, '600');
    check('it is in no other place', token !== undefined && !(out + err).includes(token.slice(6)));
    expect('who that is', JSON.parse((await ask('/api/v1/me', bearer(token))).body).username, 'alice@example.org');

    await useIt(dlws, 'by-command', 'alice@example.org');
    const refused = await dlws.run('list', '-A', '-n', 'kube-system');
    expect('what alice may not', [refused.code, refused.out], [1, '']);

    const used = new URL(page.url()).searchParams.get('code');
    expect('the code once more', (await post('/auth/cli/token', {code: used, verifier: 'a'.repeat(43)})).status, 401);
    expect('the token as a cookie', JSON.parse((await ask('/auth/session', {headers: {Cookie: `__Host-dlws=${token.slice(6)}`}})).body).loggedIn, false);
    await dlws.good('logout');
    expect('what is kept', dlws.kept().text.includes('dlws1.'), false);
    for (let i = 0; i < 4; ++i)
        await eventually('it is over at each replica', async () => (await ask('/api/v1/me', bearer(token))).status === 401, 5);
    expect('without a login', (await dlws.run('list')).code, 3);
}), {needs, seconds: 150});

test('cli: no in the browser, and dlws says so', () => withMachine(async dlws => {
    const context = await newBrowser();
    const page = await context.newPage();
    const before = await sessions();
    const login = await dlws.startLogin();
    await toQuestion(page, login.address, 'alice');
    const made = (await sessions()).filter(name => !before.includes(name));
    expect('how many wait', made.length, 1);
    await say(page, 'No');
    await page.getByText('You said no').waitFor();
    const {code, err} = await login.done;
    expect('how it ends', code, 3);
    check(`what it says: ${err}`, err.includes('you said no in the browser'));
    expect('what is kept', dlws.kept().text, '');
    check('what waited is deleted', !(await sessions()).includes(made[0]));
    expect('cookies', await portals(context), []);
}), {needs, seconds: 90});

test('cli: the browser’s own login stays, whoever it is', () => withMachine(async dlws => {
    const page = await pageOf('bob');
    const context = page.context();
    const own = async () => (await context.cookies(base)).find(c => c.name === '__Host-dlws')?.value;
    const before = await own();
    const other = await context.newPage();
    const login = await dlws.startLogin();
    await other.goto(login.address);   // the provider knows him
    await question(other).waitFor();
    await say(other, 'Yes, it may');
    expect('it ends', (await login.done).code, 0);
    expect('his cookie', await own(), before);
    await page.reload();
    await page.getByRole('button', {name: 'bob@example.org'}).waitFor();
    await dlws.good('logout');
    await page.reload();
    await page.getByRole('button', {name: 'bob@example.org'}).waitFor();
}), {needs, seconds: 90});

test('cli: a code is for who has the verifier, once, at any replica', async () => {
    const verifier = randomBytes(32).toString('base64url');
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const page = await (await newBrowser()).newPage();
    // Nobody listens on a port that was closed again; the address is what the browser is sent to.
    await toQuestion(page, `${base}/auth/login?cliPort=65432&cliChallenge=${challenge}`, 'alice');
    const sent = page.waitForRequest(r => r.url().startsWith('http://127.0.0.1:65432/'));
    await say(page, 'Yes, it may');
    const code = new URL((await sent).url()).searchParams.get('code');
    for (let i = 0; i < 4; ++i)   // the entrance takes the replicas in turn
        expect('another verifier', (await post('/auth/cli/token', {code, verifier: randomBytes(32).toString('base64url')})).status, 401);
    const tries = await Promise.all(Array.from({length: 4}, () => post('/auth/cli/token', {code, verifier})));
    expect('several at one time', tries.map(t => t.status).sort(), [200, 401, 401, 401]);
    const {token, username} = JSON.parse(tries.find(t => t.status === 200).body);
    expect('who', username, 'alice@example.org');
    check('why not', tries.filter(t => t.status === 401).every(t => /Start `dlws login` again/.test(JSON.parse(t.body).detail)));
    expect('its end', (await ask('/auth/logout', {method: 'POST', ...bearer(token)})).status, 200);
}, {needs, seconds: 90});

test('cli: another site begins no login of a command line', async () => {
    const page = await pageOf('alice');
    const challenge = randomBytes(32).toString('base64url');
    await page.goto(`data:text/html,<a href="${base}/auth/login?cliPort=65432%26cliChallenge=${challenge}">free GPUs</a>`);
    const answered = page.waitForResponse(r => r.url().startsWith(`${base}/auth/login`));
    await page.getByText('free GPUs').click();
    expect('what comes of it', (await answered).status(), 403);
    check(`in words: ${await page.textContent('body')}`, (await page.textContent('body')).includes('begun by another site'));
    for (const query of ['cliPort=80', 'cliPort=x', 'cliPort=40123'])
        expect(query, (await ask(`/auth/login?${query}${query === 'cliPort=40123' ? '' : `&cliChallenge=${challenge}`}`)).status, 400);
}, {needs});

for (const theme of ['light', 'dark'])
    test(`cli: the question, ${theme}`, async () => {
        for (const width of [1280, 390]) {
            const page = await (await newBrowser({theme, width})).newPage();
            await toQuestion(page, `${base}/auth/login?cliPort=65432&cliChallenge=${randomBytes(32).toString('base64url')}`, 'alice');
            await page.screenshot({path: `${screenshots}/cli-${theme}-${width}.png`});
            expect('what axe finds', await axeFinds(page), []);
            check('it is no wider than the window', await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
            await page.keyboard.press('Tab');
            expect('the first that keys reach', await page.evaluate(() => document.activeElement.textContent), 'No');
        }
    }, {needs, seconds: 90});

test('cli: a token of the cluster, out of a kubeconfig', () => withMachine(async dlws => {
    await apply({apiVersion: 'v1', kind: 'ServiceAccount', metadata: {name: 'robot', namespace}});
    await apply({apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: {name: 'robot', namespace},
        roleRef: {apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'dlworkspace-editor'}, subjects: [{kind: 'ServiceAccount', name: 'robot', namespace}]});
    const token = (await kubectl(['-n', namespace, 'create', 'token', 'robot', '--duration=1h'])).trim();
    dlws.write('kubeconfig', JSON.stringify({apiVersion: 'v1', kind: 'Config', 'current-context': 'c', contexts: [{name: 'c', context: {cluster: 'c', user: 'u', namespace}}],
        clusters: [{name: 'c', cluster: {server: 'https://unused.example'}}], users: [{name: 'u', user: {token}}]}));
    const robot = `system:serviceaccount:${namespace}:robot`;
    expect('who it is', await dlws.good('login', '--from-kubeconfig', ...dlws.portal), `you are ${robot} at ${base}\n`);
    expect('no token is kept', dlws.kept().text.includes(token), false);
    await useIt(dlws, 'by-robot', robot);
}), {seconds: 120});
