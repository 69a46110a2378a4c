// SPDX-License-Identifier: Apache-2.0
// Roles and their pods by rank.
import {useMemo, useState} from 'preact/hooks';
import type {JobDetail, PodRow, PodState} from '../api/types';
import type {IconName} from '../shell/icons';
import {Age} from '../shell/now';
import {Badge, Copyable, ErrorBox} from '../shell/parts';
import {jobPath, urlState} from '../shell/router';
import {duration, plural} from '../shell/time';
import {texts, words, type Fields} from '../shell/urlstate';
import {podOrder, pods, podsProblem} from './store';

const STATES: readonly PodState[] = ['Pending', 'Running', 'Succeeded', 'Failed', 'Ending'];
const looks: Record<PodState, {tone: string; icon: IconName}> = {
    Pending: {tone: 'wait', icon: 'hourglass'}, Running: {tone: 'run', icon: 'play'}, Succeeded: {tone: 'good', icon: 'check'},
    Failed: {tone: 'bad', icon: 'cross'}, Ending: {tone: 'idle', icon: 'ending'},
};
interface State { role: string[]; state: PodState[] }
const fields: Fields<State> = {role: texts(16, 15), state: words(STATES)};
const pageSize = 100;

export function Pods({detail}: {detail: JobDetail}) {
    const url = useMemo(() => urlState<State>(fields), []);
    const {role, state} = url.get();
    const [limit, setLimit] = useState(pageSize);
    const all = useMemo(() => [...pods.value?.values() ?? []].sort(podOrder), [pods.value]);
    const roles = [...new Set(all.map(p => p.role))];
    const fit = all.filter(p => (role.length === 0 || role.includes(p.role)) && (state.length === 0 || state.includes(p.state)));
    const toggle = <T,>(list: T[], one: T): T[] => list.includes(one) ? list.filter(x => x !== one) : [...list, one];
    return (
        <section class="panel" aria-labelledby="h-pods">
            <div class="panel-head">
                <h2 id="h-pods">Pods</h2>
                <div class="chips">
                    {roles.length > 1 && roles.map(r => <button type="button" key={r} class="chip" aria-pressed={role.includes(r)} onClick={() => url.set({role: toggle(role, r)})}>{r} <span class="number">{all.filter(p => p.role === r).length}</span></button>)}
                    {STATES.filter(s => all.some(p => p.state === s)).map(s => <button type="button" key={s} class="chip" aria-pressed={state.includes(s)} onClick={() => url.set({state: toggle(state, s)})}>{s} <span class="number">{all.filter(p => p.state === s).length}</span></button>)}
                </div>
            </div>
            {!detail.can.listPods && <p class="muted">You may not list the pods of this namespace.</p>}
            {podsProblem.value && <ErrorBox problem={podsProblem.value} />}
            {pods.value && all.length === 0 && <p class="muted">There are no pods now. {detail.row.why}</p>}
            {all.length > 0 && fit.length === 0 && <p class="muted">No pod fits the filter.</p>}
            {fit.length > 0 && (
                <div class="scroll-x" tabIndex={0} role="region" aria-label="Pods by rank">
                    <table>
                        <thead><tr><th class="number">Rank</th><th>Pod</th><th>State</th><th>Node</th><th class="number">GPUs</th><th class="number">Time</th><th>Why</th><th><span class="unseen">Logs</span></th></tr></thead>
                        <tbody>{fit.slice(0, limit).map(p => <Pod key={p.uid} pod={p} detail={detail} />)}</tbody>
                    </table>
                </div>
            )}
            {fit.length > limit && <p class="more"><button type="button" onClick={() => setLimit(limit + 5 * pageSize)}>Show more ({plural(fit.length - limit, 'pod')} left)</button></p>}
        </section>
    );
}

function Pod({pod, detail}: {pod: PodRow; detail: JobDetail}) {
    const look = looks[pod.state] ?? looks.Pending;
    const time = pod.startedAt && pod.finishedAt ? duration(Date.parse(pod.finishedAt) - Date.parse(pod.startedAt)) : undefined;
    const logs = `${jobPath(detail.row.namespace, detail.row.name, 'logs')}?rank=${pod.rank}${pod.attempt === detail.row.attempt ? '' : `&attempt=${pod.attempt}`}`;
    return (
        <tr>
            <td class="number">{pod.rank}</td>
            <td><Copyable text={pod.name} what="the pod's name" />{pod.attempt > 0 && <span class="muted small"> attempt {pod.attempt}</span>}</td>
            <td><Badge tone={look.tone} icon={look.icon}>{pod.state}</Badge>{pod.state === 'Running' && !pod.ready && <span class="muted small"> not ready</span>}</td>
            <td>{pod.node ?? <span class="muted">–</span>}</td>
            <td class="number">{pod.gpus ?? 0}</td>
            <td class="number">{time ?? <Age at={pod.startedAt} />}</td>
            <td class="muted wrap-any">{pod.exitCode !== undefined && pod.exitCode !== 0 && <span class="tag bad">exit {pod.exitCode}</span>}<bdi>{pod.why}</bdi></td>
            <td>{detail.can.readLogs && <a href={logs} aria-label={`Logs of rank ${pod.rank}`}>Logs</a>}</td>
        </tr>
    );
}
