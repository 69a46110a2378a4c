// SPDX-License-Identifier: Apache-2.0
// A real Prometheus that reads the kubelet's own figures of pods, as the Prometheus operator has it do, and a stand-in for NVIDIA's
// exporter: the nodes have no GPUs, so what it says of them is made up here. Its names and labels are the exporter's.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createServer, get} from 'node:http';
import {kubectl} from './cluster.js';
import {eventually} from './report.js';

const address = process.env.DLWS_WEB_PROMETHEUS;   // HOST:PORT, as the portal was told
const folder = mkdtempSync('/tmp/dlws-web-prometheus-');
let running;
let exporter;

/** Of the stand-in: {pod, namespace, gpu, utilization (percent), mebibytes}, which its two scrapes share out by `honored`. */
const gpus = [];
export const showGpu = gpu => gpus.push(gpu);

function exposition(honored) {
    const lines = gpus.filter(g => g.honored === honored).flatMap(({pod, namespace, gpu, utilization, mebibytes}) => {
        const labels = `{gpu="${gpu}",UUID="GPU-${gpu}",device="nvidia${gpu}",modelName="stand-in",Hostname="dlws-node-1",container="main",namespace="${namespace}",pod="${pod}"}`;
        return [`DCGM_FI_DEV_GPU_UTIL${labels} ${utilization}`, `DCGM_FI_DEV_FB_USED${labels} ${mebibytes}`];
    });
    return `${lines.join('\n')}\n`;
}

const read = path => new Promise((done, failed) => get(`http://${address}${path}`, answer => {
    let text = '';
    answer.on('data', piece => { text += piece; });
    answer.on('end', () => done(text));
}).on('error', failed));
/** [{metric, value: [seconds, text]}] */
export const askPrometheus = async query => JSON.parse(await read(`/api/v1/query?query=${encodeURIComponent(query)}`)).data.result;

export async function startPrometheus() {
    exporter = createServer((request, response) => response.end(exposition(request.url === '/honored')));
    await new Promise(ready => exporter.listen(0, '127.0.0.1', ready));
    const {items} = JSON.parse(await kubectl(['get', 'nodes', '-o', 'json']));
    const nodes = items.filter(n => /^dlws-node-\d$/.test(n.metadata.name)).map(n => `${n.status.addresses.find(a => a.type === 'InternalIP').address}:10250`);
    const pki = process.env.DLWS_WEB_PKI;
    const kubelet = path => ({
        job_name: path, scheme: 'https', metrics_path: path, scrape_interval: '2s', honor_labels: true, static_configs: [{targets: nodes}],
        tls_config: {insecure_skip_verify: true, cert_file: `${pki}/apiserver-kubelet-client.crt`, key_file: `${pki}/apiserver-kubelet-client.key`}});
    const gpuScrape = honored => ({
        job_name: honored ? 'honored' : 'not-honored', metrics_path: honored ? '/honored' : '/metrics', scrape_interval: '2s', honor_labels: honored,
        static_configs: [{targets: [`127.0.0.1:${exporter.address().port}`], labels: {namespace: 'gpu-operator', pod: 'nvidia-dcgm-exporter-x7k2p'}}]});
    // Both paths of the kubelet have the containers' processor time and memory: they must not be counted twice.
    const config = {scrape_configs: [kubelet('/metrics/cadvisor'), kubelet('/metrics/resource'), gpuScrape(true), gpuScrape(false)]};
    writeFileSync(`${folder}/prometheus.yml`, JSON.stringify(config));   // which is YAML
    running = spawn('prometheus', [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=${address}`], {stdio: ['ignore', 'ignore', 'pipe']});
    let said = '';
    running.stderr.on('data', piece => { said = (said + piece).slice(-2000); });
    await eventually('Prometheus is ready', async () => {
        if (running.exitCode !== null) throw new Error(`Prometheus ended: ${said}`);
        return read('/-/ready').then(text => /ready/i.test(text), () => false);
    }, 30);
    await eventually('it reads all', async () => (await askPrometheus('up == 1')).length === nodes.length * 2 + 2 || askPrometheus('up'), 30);
}

export async function stopPrometheus() {
    exporter?.close();
    if (running !== undefined && running.exitCode === null) {
        const ended = new Promise(done => running.on('exit', done));
        running.kill();
        await ended;
    }
    rmSync(folder, {recursive: true, force: true});
}
