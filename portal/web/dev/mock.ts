// SPDX-License-Identifier: Apache-2.0
// FOR DEVELOPMENT ONLY: a server of made-up answers within `vite` and `vite preview`, so that the page can be worked on
// without a cluster. It shows nothing about the real one; tests of that are made with the real one. Preview sends the real
// Content-Security-Policy.
//
//   MOCK_LOGGED_OUT=1   begin at the login page (any token is taken)
//   MOCK_STALE=1        the API server is away
//   MOCK_LINES=1000000  so many lines in each job's log
import {readFileSync} from 'node:fs';
import type {IncomingMessage, ServerResponse} from 'node:http';
import {fileURLToPath} from 'node:url';
import type {Plugin} from 'vite';
import {parse, stringify} from 'yaml';
import type {JobRow, Phase, Template} from '../src/api/types.ts';
import {approvals, cluster, detailOf, eventsOf, jobs, keyOf, nextVersion, nodes, podsOf, storages, streamId, templates} from './data.ts';
import {logPage, logSources, logText, streamLogs} from './logs.ts';
import {changed, streamUpdates} from './streams.ts';

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dlws-worker";
const csrf = 'q3Y0m0W7v5b2kq1c9nVtq0b2m7dQ0h3l1s8Jw2x4y5Z';
let loggedIn = process.env.MOCK_LOGGED_OUT === undefined;
let cliPort: string | null = null;   // somebody has opened /auth/login?cliPort=…
const stale = (): string | undefined => process.env.MOCK_STALE === undefined ? undefined : new Date(Date.now() - 95_000).toISOString();

export interface Call { method: string; parts: string[]; query: URLSearchParams; body: string; request: IncomingMessage; response: ServerResponse }

class Refusal extends Error {
    constructor(readonly status: number, readonly reason: string, readonly title: string, readonly detail = '', readonly errors: object[] = []) { super(title); }
}

function send(response: ServerResponse, status: number, body?: unknown, headers: Record<string, string> = {}): void {
    response.writeHead(status, {'Content-Type': status >= 400 ? 'application/problem+json' : 'application/json', 'Cache-Control': 'no-store',
        ...(stale() === undefined ? {} : {'Dlws-Stale': stale()!}), ...headers});
    response.end(body === undefined ? '' : JSON.stringify(body));
}

const sessionNow = () => ({
    loggedIn, methods: ['oidc', 'token'], tokenCommand: 'kubectl -n NAMESPACE create token SERVICEACCOUNT --duration=8h', version: '0.1.0', features: ['archive', 'metrics'],
    ...(loggedIn ? {csrfToken: csrf, username: 'alice@example.org', expiresAt: '2026-12-06T10:00:00Z'} : {}),
    ...(cliPort !== null ? {loggedIn: true, csrfToken: csrf, username: 'alice@example.org', cliWaits: true} : {}),
});

function listJobs({query, response}: Call): void {
    const has = (name: string, value: string | undefined) => !query.has(name) || query.getAll(name).includes(value ?? '');
    const words = (query.get('q') ?? '').toLowerCase().split(/\s+/).filter(Boolean);
    const fit = [...jobs.values()].filter(r => (query.get('mine') !== 'true' || r.owner === 'alice@example.org') && has('phase', r.phase) && has('pending', r.pending)
        && has('namespace', r.namespace) && has('owner', r.owner) && (!query.has('gpuType') || r.gpuTypes?.includes(query.get('gpuType')!))
        && words.every(w => `${r.name} ${r.namespace} ${r.owner} ${r.image} ${r.why}`.toLowerCase().includes(w)));
    const sort = query.get('sort') ?? '-created';
    const by = {created: 'createdAt', changed: 'resourceVersion', name: 'name', owner: 'owner', phase: 'phase', gpus: 'gpus'}[sort.replace('-', '')] as keyof JobRow;
    fit.sort((a, b) => (a[by]! < b[by]! ? -1 : a[by]! > b[by]! ? 1 : 0) * (sort.startsWith('-') ? -1 : 1) || (a.uid < b.uid ? -1 : 1));
    const limit = Number(query.get('limit') ?? 50);
    const from = Number(query.get('cursor') ?? 0);
    const phases: Partial<Record<Phase, number>> = {};
    for (const r of fit) phases[r.phase] = (phases[r.phase] ?? 0) + 1;
    send(response, 200, {items: fit.slice(from, from + limit), total: fit.length, phases, streamId: streamId(), ...(from + limit < fit.length ? {nextCursor: String(from + limit)} : {})});
}

function find(namespace: string, name: string): JobRow {
    const row = jobs.get(`${namespace}/${name}`);
    if (row === undefined) throw new Refusal(404, 'NotFound', 'There is no such job');
    return row;
}

function manifest(row: JobRow): object {
    const {spec} = detailOf(row);
    return {apiVersion: 'dlworkspace.io/v1', kind: 'DLJob', metadata: {name: row.name, namespace: row.namespace},
        spec: {...spec, files: [{name: 'train.py', content: 'print("epoch 1")\n'}]}};
}

/** Says only what a mock can: the real check is the API server's. */
function submit({parts, query, body, response}: Call): void {
    let job: {metadata?: {name?: string; generateName?: string}; spec?: {image?: string; roles?: {name: string; replicas?: number; gpus?: number}[]}};
    try { job = parse(body) as typeof job; } catch (e) { throw new Refusal(400, 'BadRequest', 'The YAML cannot be read', String(e).split('\n')[0]); }
    const lineOf = (word: string) => { const i = body.split('\n').findIndex(l => l.includes(word)); return i < 0 ? undefined : i + 1; };
    const errors = [];
    if (!job?.spec?.image) errors.push({field: 'spec.image', reason: 'FieldValueRequired', message: 'spec.image is missing; write the container image to run, for example image: registry.example/digits:1', line: lineOf('spec:')});
    (job?.spec?.roles ?? []).forEach((r, i) => { if ((r.gpus ?? 0) > 128) errors.push({field: `spec.roles[${i}].gpus`, reason: 'FieldValueInvalid', message: 'must be at most 128', line: lineOf('gpus:')}); });
    if (errors.length > 0) throw new Refusal(422, 'Invalid', 'The job is not valid', '', errors);
    const name = job.metadata?.name ?? `${job.metadata?.generateName ?? 'job-'}x7k2p`;
    if (jobs.has(`${parts[3]}/${name}`)) throw new Refusal(409, 'AlreadyExists', 'There is one of that name', `There is a job ${name} in ${parts[3]}. Choose another name, for example ${name}-2.`);
    if (query.get('dryRun') === 'All') { send(response, 200, job); return; }
    const gpus = (job.spec?.roles ?? []).reduce((n, r) => n + (r.replicas ?? 1) * (r.gpus ?? 0), 0);
    const row: JobRow = {...[...jobs.values()][0]!, namespace: parts[3]!, name, uid: `new-${Date.now()}`, resourceVersion: nextVersion(), phase: 'Queued', why: 'Waits for its turn.', gpus, ready: '0/2', owner: 'alice@example.org', createdAt: new Date().toISOString(), startedAt: undefined, finishedAt: undefined};
    jobs.set(keyOf(row), row);
    changed(row);
    send(response, 201, row, {Location: `/api/v1/namespaces/${row.namespace}/jobs/${row.name}`});
}

function change(row: JobRow, patch: Partial<JobRow>, response: ServerResponse): void {
    const next = {...row, ...patch, resourceVersion: nextVersion()};
    jobs.set(keyOf(row), next);
    changed(next);
    send(response, 200, next);
}

function metrics({query, response}: Call, row: JobRow): void {
    const metric = query.get('metric') ?? 'gpuUtilization';
    const now = Math.floor(Date.now() / 1000);
    const unit = metric === 'gpuUtilization' ? 'percent' : metric === 'cpu' ? 'cores' : metric.startsWith('network') ? 'bytesPerSecond' : 'bytes';
    const scale = unit === 'percent' ? 100 : unit === 'cores' ? 8 : 64e9;
    send(response, 200, {available: true, metric, unit, stepSeconds: 15, series: podsOf(row).slice(0, 16).map(p => ({rank: p.rank, pod: p.name, device: '0',
        points: Array.from({length: 240}, (_, i) => [now - (240 - i) * 15, scale * (0.5 + 0.4 * Math.sin(i / 20 + p.rank) + 0.1 * Math.sin(i * 1.7 + p.rank))])}))});
}

const crd = () => parse(readFileSync(fileURLToPath(new URL('../../../crds/dljob.yaml', import.meta.url)), 'utf8'), {maxAliasCount: -1}) as {spec: {versions: {schema: {openAPIV3Schema: object}}[]}};

function jobRoutes(call: Call): void {
    const {method, parts, response, query, body} = call;
    const [, , , namespace = '', , name = '', what = '', more = ''] = parts;
    if (name === '') { if (method === 'POST') submit(call); else throw new Refusal(405, 'BadRequest', 'Another method'); return; }
    if (what === 'approve' || what === 'deny') {
        const question = approvals.find(a => a.namespace === namespace && a.job === name);
        if (question === undefined) throw new Refusal(404, 'NotFound', 'There is no such job');
        const said = JSON.parse(body) as {reason?: string};
        Object.assign(question, {state: what === 'approve' ? 'Approved' : 'Denied', approver: 'alice@example.org', reason: said.reason, approval: `${name}-x7k2p`});
        send(response, 201, {approval: question.approval});
        return;
    }
    const row = find(namespace, name);
    if (method === 'DELETE') { jobs.delete(keyOf(row)); changed(row, true); send(response, 204); return; }
    switch (`${method} ${what}${more === '' ? '' : `/${more}`}`) {
        case 'GET ': send(response, 200, detailOf(row)); break;
        case 'POST stop': change(row, {phase: 'Stopping', stop: true, why: 'Its pods are ending.'}, response); break;
        case 'POST suspend': change(row, {phase: 'Suspended', suspend: true, why: 'Suspended by its user.'}, response); break;
        case 'POST resume': change(row, {phase: 'Queued', suspend: false, why: 'Waits for its turn.'}, response); break;
        case 'GET manifest': response.writeHead(200, {'Content-Type': 'application/yaml'}); response.end(stringify(manifest(row))); break;
        case 'GET pods': send(response, 200, {items: podsOf(row), total: podsOf(row).length}); break;
        case 'GET events': send(response, 200, {items: eventsOf(row).filter(e => !query.has('type') || e.type === query.get('type')), complete: true}); break;
        case 'GET metrics': metrics(call, row); break;
        case 'GET logs': send(response, 200, logPage(row, query)); break;
        case 'GET logs/sources': send(response, 200, logSources(row)); break;
        case 'GET logs/stream': streamLogs(row, call); break;
        case 'GET logs/text': logText(row, response); break;
        default: throw new Refusal(404, 'NotFound', 'There is no such page');
    }
}

function templateRoutes({method, parts, body, response, request}: Call): void {
    const key = `${parts[3]}/${parts[5]}`;
    const old = templates.get(key);
    const etag = (t: Template) => `"${t.changedAt ?? ''}"`.replace(/[ :]/g, '-');
    if (method === 'PUT') {
        const content = JSON.parse(body) as {title: string; job: {spec: {env?: {name: string; value?: string}[]}}};
        const secret = content.job.spec.env?.findIndex(e => /token$|secret|password|key$/i.test(e.name) && (e.value ?? '') !== '') ?? -1;
        if (secret >= 0) throw new Refusal(422, 'Invalid', 'The template is not valid', '', [{field: `job.spec.env[${secret}].value`, message: 'its name looks like a secret; name a Secret\'s key instead (valueFrom)'}]);
        if (old !== undefined && request.headers['if-match'] === undefined) throw new Refusal(409, 'AlreadyExists', 'There is one of that name');
        if (request.headers['if-match'] !== (old && etag(old))) throw new Refusal(412, 'PreconditionFailed', 'It changed since you read it');
        const next = {...content, namespace: parts[3]!, name: parts[5]!, uid: old?.uid ?? `t-${Date.now()}`, changedAt: new Date().toISOString()} as Template;
        templates.set(key, next);
        send(response, old === undefined ? 201 : 200, next);
    } else if (old === undefined) {
        throw new Refusal(404, 'NotFound', 'There is no such template');
    } else if (method === 'DELETE') {
        templates.delete(key);
        send(response, 204);
    } else {
        send(response, 200, old, {ETag: etag(old)});
    }
}

function route(call: Call): void {
    const {method, parts, query, response, request, body} = call;
    const path = parts.join('/');
    if (path === 'auth/session') { send(response, 200, sessionNow()); return; }
    if (path === 'auth/login') { cliPort = query.get('cliPort'); loggedIn ||= cliPort === null; response.writeHead(303, {Location: query.get('return') ?? '/'}); response.end(); return; }
    if (path === 'auth/cli/confirm' && cliPort !== null) {
        send(response, 200, {next: `http://127.0.0.1:${cliPort}/?${query.get('deny') === 'true' ? 'error=access_denied' : 'code=q3Y0m0W7v5b2kq1c9nVtq0b2'}`});
        cliPort = null;
        return;
    }
    if (path === 'auth/token') {
        if ((JSON.parse(body) as {token: string}).token.startsWith('wrong')) throw new Refusal(401, 'TokenRefused', 'The API server does not take the token', 'It may have ended. Make a new one.');
        loggedIn = true;
        send(response, 200, sessionNow());
        return;
    }
    if (path === 'api/v1/schema/dljob') { send(response, 200, crd().spec.versions[0]!.schema.openAPIV3Schema); return; }
    if (!loggedIn) throw new Refusal(401, 'LoginRequired', 'You are not logged in');
    if (method !== 'GET' && request.headers['x-csrf-token'] !== csrf) throw new Refusal(403, 'CrossSite', 'The request comes from another site', 'X-CSRF-Token is missing.');
    if (method !== 'GET' && stale() !== undefined) throw new Refusal(503, 'ApiServerAway', 'The API server does not answer', 'Nothing was written. Try again.');
    if (path === 'auth/logout') { loggedIn = false; send(response, 200, {}); return; }
    if (path === 'api/v1/jobs') { listJobs(call); return; }
    if (path === 'api/v1/stream') { streamUpdates(call, stale()); return; }
    if (path === 'api/v1/me') { send(response, 200, {username: 'alice@example.org', groups: ['vision'], user: {name: 'alice', username: 'alice@example.org', uid: 5001, gid: 5001, state: 'Ready', quotas: []}}); return; }
    if (path === 'api/v1/namespaces') { send(response, 200, {items: [{name: 'default', rights: ['list', 'submit', 'change']}, {name: 'speech', rights: ['list']}, {name: 'vision', rights: ['list', 'submit', 'change', 'approve', 'templates']}], complete: true}); return; }
    if (path === 'api/v1/cluster') { send(response, 200, cluster()); return; }
    if (path === 'api/v1/cluster/nodes') {
        const fit = nodes.filter(n => (!query.has('gpuType') || n.gpuType === query.get('gpuType')) && (!query.has('state') || query.getAll('state').includes(n.state)) && n.name.includes(query.get('q') ?? ''));
        send(response, 200, {items: fit, total: fit.length});
        return;
    }
    if (path === 'api/v1/cluster/storages') { send(response, 200, {items: storages}); return; }
    if (path === 'api/v1/approvals') {
        const states = query.has('state') ? query.getAll('state') : ['Awaiting'];
        const fit = approvals.filter(a => states.includes(a.state));
        send(response, 200, {items: fit, total: fit.length});
        return;
    }
    if (path === 'api/v1/templates') { const items = [...templates.values()].map(({job: _, ...row}) => row); send(response, 200, {items, total: items.length}); return; }
    if (parts[4] === 'jobs') { jobRoutes(call); return; }
    if (parts[4] === 'templates') { templateRoutes(call); return; }
    if (parts[4] === 'approvals' && method === 'DELETE') { for (const a of approvals) if (a.approval === parts[5]) a.state = 'Revoked'; send(response, 204); return; }
    throw new Refusal(404, 'NotFound', 'There is no such page');
}

function handle(request: IncomingMessage, response: ServerResponse, next: () => void): void {
    const url = new URL(request.url ?? '/', 'http://mock');
    if (!/^\/(api|auth)\//.test(url.pathname)) { next(); return; }
    const chunks: Buffer[] = [];
    request.on('data', (c: Buffer) => chunks.push(c));
    request.on('end', () => {
        try {
            route({method: request.method ?? 'GET', parts: url.pathname.split('/').slice(1).map(decodeURIComponent), query: url.searchParams, body: Buffer.concat(chunks).toString(), request, response});
        } catch (thrown) {
            const r = thrown instanceof Refusal ? thrown : new Refusal(500, 'Internal', String(thrown));
            send(response, r.status, {type: `urn:dlworkspace:problem:${r.reason}`, title: r.title, status: r.status, reason: r.reason, detail: r.detail || undefined, instance: 'urn:dlworkspace:request:7c0d2f1e', errors: r.errors.length > 0 ? r.errors : undefined});
        }
    });
}

export function mock(): Plugin {
    return {
        name: 'dlws-mock',
        configureServer(server) { server.middlewares.use(handle); },
        configurePreviewServer(server) {
            server.middlewares.use((_, response, next) => { response.setHeader('Content-Security-Policy', policy); response.setHeader('X-Content-Type-Options', 'nosniff'); next(); });
            server.middlewares.use(handle);
        },
    };
}
