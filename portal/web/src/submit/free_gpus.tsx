// SPDX-License-Identifier: Apache-2.0
// GPUs that are free now, and whether the job would fit.
import {signal} from '@preact/signals';
import {useEffect} from 'preact/hooks';
import {call} from '../api/client';
import {subscribe} from '../api/updates';
import type {ClusterStatus} from '../api/types';
import {Icon} from '../shell/icons';
import {fitOf} from './fit';
import {gpusOf, type Form} from './form';

export const gpus = signal<ClusterStatus['gpus']>([]);

export function FreeGpus({form}: {form: Form | undefined}) {
    useEffect(() => {
        const abort = new AbortController();
        call('get', '/api/v1/cluster', {signal: abort.signal}).then(c => { gpus.value = c.gpus; }, () => undefined);
        const unsubscribe = subscribe('cluster', {cluster: data => { gpus.value = data.cluster.gpus; }});
        return () => { abort.abort(); unsubscribe(); };
    }, []);
    const fit = form === undefined ? undefined : fitOf(gpusOf(form), gpus.value);
    return (
        <section class="panel free" aria-labelledby="f-free">
            <h2 id="f-free">Free GPUs now</h2>
            {gpus.value.length === 0 ? <p class="muted">Not known.</p> : (
                <table><thead><tr><th>Type</th><th class="number">Free</th><th class="number">Of</th><th class="number">On one node</th></tr></thead>
                    <tbody>{gpus.value.map(g => <tr key={g.type}><td>{g.type || 'not named'}</td><td class="number">{g.free}</td><td class="number">{g.allocatable}</td><td class="number">{g.largestFree ?? '–'}</td></tr>)}</tbody></table>
            )}
            {fit && <p class={`fit ${fit.good ? 'good' : 'ask'}`} role="status"><Icon name={fit.good ? 'check' : 'hourglass'} /> {fit.text}</p>}
        </section>
    );
}
