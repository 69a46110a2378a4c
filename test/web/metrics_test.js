// SPDX-License-Identifier: Apache-2.0
// What a job uses, by a real Prometheus. Of GPUs, which the nodes have not, by a stand-in for the exporter (lib/prometheus.js).
import {bash} from './lib/actions.js';
import {pageOf} from './lib/browser.js';
import {getJob, makeJob, namespace, untilPhase} from './lib/cluster.js';
import {askPrometheus, showGpu, startPrometheus} from './lib/prometheus.js';
import {check, eventually, expect, test} from './lib/report.js';

const needs = ['GetJobMetrics'];
const path = `/api/v1/namespaces/${namespace}/jobs/measured/metrics`;
const ask = (page, query) => page.evaluate(async url => {
    const answer = await fetch(url);
    return {status: answer.status, body: await answer.json()};
}, `${path}?${query}`);
const last = series => series.points.at(-1)[1];
// 96 MiB that stay in memory, since tail waits for a line's end, and a processor that is busy.
const busy = bash('(head -c 100663296 /dev/zero; sleep 600) | tail >/dev/null & while :; do :; done');

test('metrics: a Prometheus that is away is said in words', async () => {
    await makeJob('measured', {command: busy, podOverrides: {terminationGracePeriodSeconds: 1}, roles: [{name: 'chief'}, {name: 'worker', gpus: 2}]});
    await untilPhase('measured', 'Running');
    const page = await pageOf('alice', `/jobs/${namespace}/measured/metrics`);
    await page.getByRole('region', {name: 'CPU'}).getByText('Prometheus does not answer.').waitFor();
    expect('the answer', (await ask(page, 'metric=cpu')).body, {available: false, why: 'Prometheus does not answer.', metric: 'cpu', series: []});
}, {needs});

test('metrics: each rank, as the kubelet says', async () => {
    await startPrometheus();
    const page = await pageOf('bob', `/jobs/${namespace}/measured/metrics`);
    for (const metric of ['memory', 'cpu', 'networkReceive', 'networkTransmit'])
        await eventually(`${metric} of both ranks`, async () => {
            const {body} = await ask(page, `metric=${metric}`);
            return body.series?.length === 2 && body.series.every(s => s.points.length > 1) || body;
        }, 90);
    const memory = (await ask(page, 'metric=memory')).body;
    expect('ranks and pods', memory.series.map(s => [s.rank, s.pod]), [[0, 'measured-chief-0-0'], [1, 'measured-worker-0-0']]);
    expect('unit and step', [memory.unit, memory.stepSeconds], ['bytes', 10]);
    check(`96 MiB each, and once: ${JSON.stringify(memory.series.map(last))}`, memory.series.every(s => last(s) > 96 * 2 ** 20 && last(s) < 160 * 2 ** 20));
    // What two paths of the kubelet say of one container counts once.
    const paths = await askPrometheus(`count by (pod) (container_memory_working_set_bytes{namespace="${namespace}",container="main",pod="measured-chief-0-0"})`);
    expect('Prometheus has it twice', Number(paths[0]?.value[1]), 2);
    const cpu = (await ask(page, 'metric=cpu')).body;
    check(`busy, with one thread: ${JSON.stringify(cpu.series.map(last))}`, cpu.unit === 'cores' && cpu.series.every(s => last(s) > 0.01 && last(s) < 1.2));
    const one = (await ask(page, 'metric=cpu&rank=1')).body;
    expect('one rank', one.series.map(s => s.rank), [1]);
    await page.reload();
    await page.getByRole('region', {name: 'CPU'}).getByRole('img', {name: /^CPU: 2 series; last/}).waitFor();
    await page.getByRole('region', {name: 'GPU utilisation'}).getByText('No values in this time.').waitFor();
}, {needs, seconds: 180});

test('metrics: GPUs, whether or not Prometheus honours the exporter\'s labels', async () => {
    showGpu({pod: 'measured-worker-0-0', namespace, gpu: 3, utilization: 87, mebibytes: 4096, honored: true});
    showGpu({pod: 'measured-worker-0-0', namespace, gpu: 10, utilization: 12, mebibytes: 512, honored: false});
    // Of others: none of them is the job's.
    showGpu({pod: 'measured-worker-0-0', namespace: 'elsewhere', gpu: 4, utilization: 99, mebibytes: 1, honored: true});
    showGpu({pod: 'measured-worker-00-0', namespace, gpu: 5, utilization: 99, mebibytes: 1, honored: false});
    showGpu({pod: 'not-measured-worker-0-0', namespace, gpu: 6, utilization: 99, mebibytes: 1, honored: true});
    const page = await pageOf('alice', `/jobs/${namespace}/measured/metrics`);
    const shown = async metric => (await ask(page, `metric=${metric}`)).body.series.map(s => [s.rank, s.device, s.points.at(-1)?.[1]]);
    await eventually('both', async () => (await shown('gpuUtilization')).length === 2 || shown('gpuUtilization'), 30);
    expect('utilisation', await shown('gpuUtilization'), [[1, '3', 87], [1, '10', 12]]);
    expect('memory', await shown('gpuMemory'), [[1, '3', 4096 * 2 ** 20], [1, '10', 512 * 2 ** 20]]);
    await page.reload();
    await page.getByRole('region', {name: 'GPU utilisation'}).getByRole('img', {name: /2 series; last 50 % on average, 12 % to 87 %/}).waitFor();
}, {needs});

test('metrics: nobody writes a query, and a job that has ended keeps its figures', async () => {
    const page = await pageOf('alice', `/jobs/${namespace}/measured/metrics`);
    for (const query of ['metric=up', `metric=${encodeURIComponent('cpu"} or up{a="')}`, `metric=cpu&rank=${encodeURIComponent('0|.*')}`, 'metric=cpu&query=up', 'metric=cpu&step=1'])
        expect(query, (await ask(page, query)).status, 400);
    await page.getByRole('button', {name: 'Stop…'}).click();
    await page.getByRole('dialog').getByRole('button', {name: /^Stop/}).click();
    await untilPhase('measured', 'Stopped');
    const {status} = await getJob('measured');
    const {body} = await ask(page, 'metric=memory');
    const times = body.series.flatMap(s => s.points.map(p => p[0]));
    check(`up to its end, ${status.finishTime}: ${times.at(-1)}`, times.length > 2 && Math.max(...times) * 1000 <= Date.parse(status.finishTime));
}, {needs, seconds: 90});
