// SPDX-License-Identifier: Apache-2.0
// The cluster as its administrator: namespaces, rights, jobs.
import {spawn} from 'node:child_process';

export const namespace = 'web';
/** Of alice alone: nobody else may know what is in it. */
export const privateNamespace = 'web-alone';

/** What the program prints; throws with what it said when it fails. */
export function run(program, args, input = '') {
    return new Promise((done, failed) => {
        const child = spawn(program, args, {stdio: ['pipe', 'pipe', 'pipe']});
        let out = '';
        let err = '';
        child.stdout.on('data', piece => { out += piece; });
        child.stderr.on('data', piece => { err += piece; });
        child.on('error', failed);
        child.on('close', code => code === 0 ? done(out) : failed(new Error(`${program.split('/').at(-1)} ${args.join(' ')}: ${err.trim()}`)));
        child.stdin.on('error', () => undefined);   // it reads nothing
        child.stdin.end(input);
    });
}
export const kubectl = (args, input) => run(process.env.DLWS_WEB_KUBECTL, args, input);
export const clusterFault = (...args) => run(`${process.env.DLWS_WEB_REPO}/script/cluster`, ['fault', ...args]);
export const healCluster = () => run(`${process.env.DLWS_WEB_REPO}/script/cluster`, ['up']);
export const apply = object => kubectl(['apply', '-f', '-'], JSON.stringify(object));
export const getJob = async (name, ns = namespace) => JSON.parse(await kubectl(['-n', ns, 'get', 'dljob', name, '-o', 'json']));
export const jobNames = async (ns = namespace) => (await kubectl(['-n', ns, 'get', 'dljobs', '-o', 'name'])).split('\n').filter(Boolean).sort();

/** The image of the tests by its digest, which jobs with special permissions must name. */
export async function pinnedImage() {
    const {items} = JSON.parse(await kubectl(['get', 'nodes', '-o', 'json']));
    const names = items.flatMap(n => n.status.images ?? []).flatMap(i => i.names);
    const found = names.find(n => n.startsWith('dlworkspace.io/tools@sha256:'));
    if (found === undefined) throw new Error('no node knows dlworkspace.io/tools by its digest');
    return found;
}
/** As the administrator; `spec` has command and what else there is to say. */
export const makeJob = (name, spec, {ns = namespace, annotations, labels} = {}) => kubectl(['create', '-f', '-'], JSON.stringify({
    apiVersion: 'dlworkspace.io/v1', kind: 'DLJob', metadata: {name, namespace: ns, annotations, labels}, spec: {image: 'dlworkspace.io/tools:1', ...spec}}));
export async function untilPhase(name, phase, ns = namespace, seconds = 60) {
    await kubectl(['-n', ns, 'wait', 'dljob', name, `--for=jsonpath={.status.phase}=${phase}`, `--timeout=${seconds}s`]);
}

/** Operations that the installed portal serves, by their names in the contract. */
export const served = new Set();

const portalPods = ['-n', 'dlws-system', 'get', 'pods', '-l', 'app.kubernetes.io/component=portal', '-o', 'json'];
/** Addresses of the portal's pods that are ready. */
export async function portalAddresses() {
    return JSON.parse(await kubectl(portalPods)).items
        .filter(p => p.metadata.deletionTimestamp === undefined && p.status.containerStatuses?.every(c => c.ready)).map(p => p.status.podIP);
}
export const scalePortal = replicas => kubectl(['-n', 'dlws-system', 'scale', 'deployment', 'dlworkspace-portal', `--replicas=${replicas}`]);

/** alice and bob edit jobs; alice and carol approve. */
export async function prepare() {
    await tidyUp();
    const bind = (ns, role, people) => ({apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: {name: role, namespace: ns},
        roleRef: {apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `dlworkspace-${role}`},
        subjects: people.map(p => ({kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: `${p}@example.org`}))});
    for (const name of [namespace, privateNamespace])
        await apply({apiVersion: 'v1', kind: 'Namespace', metadata: {name, labels: {'dlworkspace.io/managed': 'true'}}});
    await apply(bind(namespace, 'editor', ['alice', 'bob']));
    await apply(bind(namespace, 'approver', ['alice', 'carol']));
    await apply(bind(privateNamespace, 'editor', ['alice']));
}
export const tidyUp = () => kubectl(['delete', 'namespace', namespace, privateNamespace, '--ignore-not-found', '--timeout=90s']);
