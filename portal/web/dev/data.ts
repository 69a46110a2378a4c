// SPDX-License-Identifier: Apache-2.0
// FOR DEVELOPMENT ONLY. Made-up jobs, nodes and so on, of the contract's types, begun from its examples.
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {parse} from 'yaml';
import type {ApprovalQuestion, ClusterStatus, JobDetail, JobEvent, JobRow, Node, Phase, PodRow, Storage, Template} from '../src/api/types.ts';
import {PHASES} from '../src/api/types.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const contract = parse(readFileSync(`${root}portal/openapi.yaml`, 'utf8'), {maxAliasCount: -1}) as {components: {examples: Record<string, {value: unknown}>}};
const example = <T>(name: string): T => structuredClone(contract.components.examples[name]!.value) as T;

// A small generator, so that each start shows the same.
let seed = 7;
export const random = (): number => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString().replace(/\.\d+Z/, 'Z');
let counter = 48211;
export const nextVersion = (): string => String(++counter);
export const streamId = (): string => `r${counter}`;

export const hostile = '<img src=x onerror=alert(1)>"\'><script>alert(2)</script>\u202Eevil';
const owners = ['alice@example.org', 'bob@example.org', 'carol@example.org', hostile];
const names = ['digits', 'resnet', 'llm-finetune', 'diffusion', 'bert-large', 'whisper', 'eval-nightly', 'tokenizer'];
const whys: Partial<Record<Phase, string[]>> = {
    Queued: ['No node has 8 GPUs of type A100 free; 2 nodes have 6.', 'Quota of namespace vision: 2 of 16 GPUs are left, 8 are asked for.', 'Storage data is unknown; write one of work, jobfiles, datasets.'],
    AwaitingApproval: ['Asks for the network of its node; somebody with the role dlworkspace-approver must approve it.'],
    Running: ['All pods run.', '8 of 8 pods run.'],
    Starting: ['3 of 4 pods run; gpu-17 pulls the image.'],
    Restarting: ['Pod worker-3 ended with exit code 137 (out of memory); attempt 2 of 4 begins in 20 s.'],
    Failed: ['Pod worker-0 ended with exit code 1; no attempt is left.', hostile],
    Succeeded: ['All pods ended with exit code 0.'], Stopped: ['Stopped by its user.'], Suspended: ['Suspended by its user.'], Stopping: ['2 pods are ending.'],
};

export const jobs = new Map<string, JobRow>();
export const keyOf = (row: {namespace: string; name: string}): string => `${row.namespace}/${row.name}`;

function add(i: number): void {
    const phase: Phase = i < 3 ? 'Running' : pick(['Queued', 'Running', 'Running', 'Succeeded', 'Succeeded', 'Failed', ...PHASES]);
    const created = i * 731 + random() * 600;
    const gpus = pick([0, 1, 2, 4, 8, 16, 64]);
    const pods = Math.max(1, gpus / 2);
    const ran = !['Queued', 'AwaitingApproval', 'Starting'].includes(phase);
    const row: JobRow = {
        ...example<JobRow>('JobRow'),
        namespace: pick(['vision', 'speech', 'default']),
        name: `${pick(names)}-${i}`,
        uid: `0b2cf9a1-3f55-4a5c-8d4f-${String(i).padStart(12, '0')}`,
        resourceVersion: nextVersion(),
        phase,
        why: pick(whys[phase] ?? ['']),
        owner: i % 3 === 2 ? pick(owners) : owners[0]!,
        framework: pick(['None', 'Torch', 'Torch', 'MPI', 'JAX', 'DeepSpeed']),
        gpus,
        gpuTypes: gpus > 0 ? [pick(['A100', 'V100', 'H200'])] : [],
        ready: `${phase === 'Running' ? pods : 0}/${pods}`,
        attempt: phase === 'Restarting' ? 2 : 0,
        createdAt: ago(created),
        startedAt: ran ? ago(created - 40) : undefined,
        finishedAt: ['Succeeded', 'Failed', 'Stopped'].includes(phase) ? ago(created / 2) : undefined,
        pending: phase === 'Queued' ? pick(['Wait', 'Ask', 'Change']) : phase === 'AwaitingApproval' ? 'Ask' : undefined,
    };
    jobs.set(keyOf(row), row);
}
for (let i = 0; i < 180; ++i) add(i);

export function detailOf(row: JobRow): JobDetail {
    const workers = Number(row.ready.split('/')[1] ?? 1);
    const end = row.finishedAt !== undefined;
    const asks = row.phase === 'AwaitingApproval';
    const running = row.startedAt !== undefined;
    return {
        ...example<JobDetail>('JobDetail'),
        row,
        spec: {
            image: row.image, command: ['python3', '/job/train.py'], args: ['--epochs', '10'], framework: row.framework,
            roles: [{name: 'worker', replicas: workers, gpus: row.gpus > 0 ? 2 : 0, resources: {cpu: 8, memory: '64Gi'}}],
            storage: [{name: 'data', path: 'digits', mountPath: '/data', readOnly: true}, {name: 'work', mountPath: '/work'}],
            files: [{name: 'train.py', size: 1812, mode: 292}],
        },
        status: {phase: row.phase, message: row.why, conditions: [{type: 'Running', status: running && !end ? 'True' : 'False', reason: 'PodsRunning'}]},
        timeline: [
            {step: 'Submitted', at: row.createdAt},
            asks ? {step: 'Approved'} : {step: 'Approved', skipped: true},
            running ? {step: 'Admitted', at: row.createdAt, seconds: 3} : {step: 'Admitted'},
            running ? {step: 'Running', at: row.startedAt, seconds: 37} : {step: 'Running'},
            end ? {step: 'Finished', at: row.finishedAt, seconds: Math.floor((Date.parse(row.finishedAt!) - Date.parse(row.startedAt ?? row.createdAt)) / 1000)} : {step: 'Finished'},
        ],
        advice: row.phase === 'Queued' ? 'No node has room for a pod of the job now; the scheduler keeps trying.' : undefined,
        can: {change: true, delete: true, readLogs: true, listPods: true, approve: false},
        folder: `/dlwsdata/jobfiles/alice/2026-11/${row.name}-0b2cf9a1`,
    };
}

export function podsOf(row: JobRow): PodRow[] {
    const workers = Number(row.ready.split('/')[1] ?? 1);
    const state = row.phase === 'Running' ? 'Running' : row.phase === 'Succeeded' ? 'Succeeded' : row.phase === 'Failed' ? 'Failed' : 'Pending';
    if (row.phase === 'Queued' || row.phase === 'AwaitingApproval') return [];
    return Array.from({length: workers}, (_, i) => ({
        name: `${row.name}-worker-${i}-0`, uid: `6f5c1e0a-1b7e-4a9f-9f0e-${String(i).padStart(12, '0')}`, role: 'worker', index: i, rank: i, attempt: row.attempt,
        state: state as PodRow['state'], ready: state === 'Running', node: `gpu-${10 + i % 20}`, gpus: 2, startedAt: row.startedAt, finishedAt: row.finishedAt,
        exitCode: state === 'Failed' ? 1 : state === 'Succeeded' ? 0 : undefined,
        why: state === 'Failed' ? 'Ended with exit code 1: CUDA out of memory.' : state === 'Pending' ? 'Pulls the image.' : undefined,
    }));
}

export function eventsOf(row: JobRow): JobEvent[] {
    return [
        {at: ago(20), firstAt: ago(200), count: 7, type: 'Warning', reason: 'FailedScheduling', message: '0/3 nodes are available: 3 Insufficient nvidia.com/gpu.', kind: 'Pod', name: `${row.name}-worker-1-0`, reporter: 'default-scheduler'},
        {at: ago(40), firstAt: ago(40), count: 1, type: 'Normal', reason: 'Started', message: 'Container main started', kind: 'Pod', name: `${row.name}-worker-0-0`, reporter: 'kubelet'},
        {at: ago(60), firstAt: ago(60), count: 1, type: 'Normal', reason: 'PodsCreated', message: '2 pods created.', kind: 'DLJob', name: row.name, reporter: 'dlworkspace-operator'},
        {at: ago(90), firstAt: ago(90), count: 1, type: 'Warning', reason: 'ProvisioningFailed', message: hostile, kind: 'PersistentVolumeClaim', name: `${row.name}-work`, reporter: 'x'},
    ];
}

export const nodes: Node[] = Array.from({length: 34}, (_, i) => {
    const type = i < 14 ? 'A100' : i < 24 ? 'V100' : i < 32 ? 'H200' : '';
    const gpus = type === '' ? 0 : type === 'V100' ? 4 : 8;
    const state = i === 5 ? 'Cordoned' : i === 9 ? 'NotReady' : i === 17 ? 'Unhealthy' : 'Ready';
    const used = Math.floor(random() * (gpus + 1));
    const others = Math.floor(used / 3);
    return {
        name: `gpu-${10 + i}`, state, gpuType: type || undefined, gpus, allocatable: state === 'Ready' ? gpus : 0, used, othersUsed: others,
        problems: state === 'Unhealthy' ? ['GPU 3 reports uncorrectable ECC errors.'] : state === 'NotReady' ? ['The kubelet has not reported for 5 minutes.'] : [],
        holders: used - others > 0 ? [{namespace: 'vision', job: 'digits-1', owner: owners[i % 3]!, gpus: used - others}] : [],
        storages: {work: 'Healthy', data: i === 17 ? 'Hung' : 'Healthy'},
    };
});

export const storages: Storage[] = [
    {name: 'work', layout: 'perUser', readOnly: false, path: '/dlwsdata/work/alice', smb: '\\\\dlws.example.org\\home', nodesHealthy: 34, nodesTotal: 34, bytesTotal: 1099511627776, bytesFree: 549755813888, quotaBytes: 107374182400, quotaFree: 5368709120},
    {name: 'data', layout: 'shared', readOnly: true, path: '/dlwsdata/data', smb: '\\\\dlws.example.org\\data', nodesHealthy: 33, nodesTotal: 34, bytesTotal: 54975581388800, bytesFree: 12094627905536, message: 'On gpu-27 it does not answer.'},
    {name: 'jobfiles', layout: 'perJob', readOnly: false, path: '/dlwsdata/jobfiles/alice', nodesHealthy: 34, nodesTotal: 34, bytesTotal: 1099511627776, bytesFree: 949755813888},
];

export function cluster(): ClusterStatus {
    const sum = (list: Node[], f: (n: Node) => number) => list.reduce((a, n) => a + f(n), 0);
    const types = ['A100', 'V100', 'H200'];
    return {
        ...example<ClusterStatus>('ClusterStatus'),
        gpus: types.map(type => {
            const of = nodes.filter(n => n.gpuType === type);
            const usable = of.filter(n => n.state === 'Ready');
            return {type, nodes: of.length, total: sum(of, n => n.gpus), allocatable: sum(usable, n => n.gpus), used: sum(of, n => n.used), free: sum(usable, n => n.gpus - n.used), largestFree: Math.max(...usable.map(n => n.gpus - n.used))};
        }),
        nodes: {total: nodes.length, ready: 31, notReady: 1, cordoned: 1, unhealthy: 1},
        storages,
        problems: [
            {severity: 'Critical', node: 'gpu-27', message: 'GPU 3 reports uncorrectable ECC errors.', since: ago(7200)},
            {severity: 'Warning', node: 'gpu-19', message: 'The kubelet has not reported for 5 minutes.', since: ago(300)},
            {severity: 'Warning', node: 'gpu-15', message: 'Cordoned by an administrator.', since: ago(86400)},
        ],
        problemsTotal: 3,
    };
}

const digest = 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
export const approvals: ApprovalQuestion[] = [
    {namespace: 'vision', job: 'bench', uid: '0b2cf9a1-aaaa-4a5c-8d4f-8f6a3c1f7e0e', submittedBy: 'bob@example.org', since: ago(5400), state: 'Awaiting', templateHash: digest.slice(7), classes: ['hostNetwork', 'capabilities'], asks: ['the network of its node', 'the capability IPC_LOCK'], mounts: ['/data from storage data, read-only', '/work from storage work'], images: [`registry.example/bench@${digest}`], diff: ' spec:\n-  hostNetwork: false\n+  hostNetwork: true\n   containers:\n   - name: main\n     securityContext:\n       capabilities:\n         drop: [ALL]\n+        add: [IPC_LOCK]', mayDecide: true},
    {namespace: 'vision', job: 'own', uid: '0b2cf9a1-bbbb-4a5c-8d4f-8f6a3c1f7e0e', submittedBy: 'alice@example.org', since: ago(600), state: 'Awaiting', templateHash: digest.slice(7), classes: ['hostPaths'], asks: ['the folder /data/imagenet of its node, read-only'], mounts: [], images: [`registry.example/x@${digest}`], diff: `+ hostile: ${hostile}`, mayDecide: false, whyNot: 'It is your own job; somebody else must decide.'},
    {namespace: 'speech', job: 'old', uid: '0b2cf9a1-cccc-4a5c-8d4f-8f6a3c1f7e0e', submittedBy: 'carol@example.org', since: ago(90000), state: 'Approved', templateHash: digest.slice(7), classes: ['devices'], asks: ['the device infiniband'], mounts: [], images: [`registry.example/y@${digest}`], diff: '+ resources.limits.rdma/hca: 1', mayDecide: true, approval: 'old-x7k2p', approver: 'alice@example.org', reason: 'as agreed on Monday'},
];

export const templates = new Map<string, Template>();
const first = example<Template>('Template');
templates.set(keyOf(first), {...first, uid: 'aaaa-1', changedAt: ago(3600)});
templates.set('vision/bert', {...first, name: 'bert', uid: 'aaaa-2', title: 'BERT, 4 × 8 GPUs', description: hostile, changedAt: ago(86400), job: {spec: {image: 'registry.example/bert:3', command: ['torchrun', 'train.py'], framework: 'Torch', roles: [{name: 'worker', replicas: 4, gpus: 8}]}}});
