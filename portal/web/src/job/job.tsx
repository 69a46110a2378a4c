// SPDX-License-Identifier: Apache-2.0
// One job.
import type {ComponentType, VNode} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import type {JobDetail} from '../api/types';
import {ActionDialog, type Action} from '../jobs/actions';
import {finished} from '../jobs/order';
import {Icon} from '../shell/icons';
import {lazy} from '../shell/lazy';
import {Age} from '../shell/now';
import {CopyButton, Empty, ErrorBox, Loading, PhaseBadge, Tabs} from '../shell/parts';
import {jobPath} from '../shell/router';
import {plural} from '../shell/time';
import '../style/job.css';
import {Events} from './events';
import {Overview} from './overview';
import {applyRow, deleted, detail, jobProblem, showJob} from './store';
import {YamlView} from './yaml_view';

interface TabProps { detail: JobDetail }

// A new tab (endpoints) is a row here.
const TABS: {id: string; label: string; show: (props: TabProps) => VNode}[] = [
    {id: '', label: 'Overview', show: props => <Overview {...props} />},
    {id: 'logs', label: 'Logs', show: lazyTab(() => import('../logs/viewer').then(m => m.Logs))},
    {id: 'events', label: 'Events', show: props => <Events {...props} />},
    {id: 'metrics', label: 'Metrics', show: lazyTab(() => import('./metrics').then(m => m.Metrics))},
    {id: 'yaml', label: 'YAML', show: props => <YamlView {...props} />},
];

function lazyTab(load: () => Promise<ComponentType<TabProps>>): (props: TabProps) => VNode {
    const Component = lazy<TabProps>(load);
    return props => <Component {...props} />;
}

export function Job({rest}: {rest: string[]}) {
    const [namespace = '', name = '', tab = ''] = rest;
    useEffect(() => showJob(namespace, name), [namespace, name]);
    const job = detail.value;
    const current = TABS.find(t => t.id === tab);
    if (jobProblem.value !== undefined && job === undefined) {
        if (jobProblem.value.status === 404) {
            return <Empty title={`There is no job ${name} in ${namespace}`}><p class="muted">It may have been deleted; logs that were archived stay in its folder.</p><a class="button" href="/jobs">Go to the jobs</a></Empty>;
        }
        return <ErrorBox problem={jobProblem.value} />;
    }
    if (job === undefined || job.row.name !== name || job.row.namespace !== namespace) return <Loading what="job" />;
    return <>
        <Header detail={job} brief={tab === 'logs'} />
        <Tabs label="Parts of the job" current={tab} items={TABS.map(t => ({id: t.id, label: t.label, href: jobPath(namespace, name, t.id)}))} />
        {jobProblem.value && <ErrorBox problem={jobProblem.value} />}
        {current ? <current.show key={`${job.row.uid} ${tab}`} detail={job} /> : <Empty title="There is no such part"><a class="button" href={jobPath(namespace, name)}>Go to the overview</a></Empty>}
    </>;
}

/** `brief` leaves the facts out, where every line of the window is worth having. */
function Header({detail: {row, can, advice}, brief}: {detail: JobDetail; brief: boolean}) {
    const [action, setAction] = useState<Action>();
    const ended = finished(row.phase);
    const clone = `/submit?clone=${encodeURIComponent(`${row.namespace}/${row.name}`)}`;
    return <>
        <div class="page-head job-head">
            <div>
                <p class="muted small crumbs"><a href="/jobs">Jobs</a> / <a href={`/jobs?mine=false&namespace=${encodeURIComponent(row.namespace)}`}>{row.namespace}</a></p>
                <h1>{row.name}<CopyButton text={row.name} what="the name" /> <PhaseBadge phase={row.phase} /></h1>
            </div>
            <span class="spring" />
            {can.approve && row.phase === 'AwaitingApproval' && <a class="button primary" href={`/approvals?job=${encodeURIComponent(`${row.namespace}/${row.name}`)}`}>Decide…</a>}
            <a class="button" href={clone}><Icon name="copy" />Clone</a>
            {can.change && !ended && !row.stop && (row.suspend
                ? <button type="button" onClick={() => setAction('resume')}>Resume…</button>
                : <button type="button" onClick={() => setAction('suspend')}>Suspend…</button>)}
            {can.change && !ended && !row.stop && <button type="button" class="danger" onClick={() => setAction('stop')}>Stop…</button>}
            {can.delete && ended && !row.deleting && <button type="button" onClick={() => setAction('delete')}>Delete…</button>}
        </div>
        {deleted.value && <div class="box warn" role="status"><Icon name="cross" />This job was deleted. What you see is what was known of it.</div>}
        <div class={`why-line ${row.pending === 'Change' || row.phase === 'Failed' ? 'bad' : row.pending === 'Ask' ? 'ask' : ''}`}>
            <p class="sentence" aria-live="polite">{row.why || 'The operator has not looked at it yet.'}</p>
            {row.pending && <p class="muted small">{{Wait: 'Nobody need act.', Ask: 'Somebody else must act.', Change: 'You must change the job: clone it, and submit it anew.'}[row.pending]}{row.pendingSince && <> Waiting for <Age at={row.pendingSince} />.</>}</p>}
            {advice && advice !== row.why && <p class="muted small">{advice}</p>}
            {row.storageLost && <p class="small"><strong>A storage of the job is lost.</strong></p>}
        </div>
        {!brief && <dl class="strip">
            <div><dt>Owner</dt><dd><bdi>{row.owner || 'unknown'}</bdi></dd></div>
            <div><dt>GPUs</dt><dd>{row.gpus}{row.gpuTypes?.length ? ` ${row.gpuTypes.join(', ')}` : ''}</dd></div>
            <div><dt>Ready</dt><dd>{row.ready || '–'}</dd></div>
            <div><dt>Framework</dt><dd>{row.framework ?? 'None'}</dd></div>
            <div><dt>Attempt</dt><dd>{row.attempt}{row.restarts ? ` (${plural(row.restarts, 'restart')})` : ''}</dd></div>
            <div><dt>Age</dt><dd><Age at={row.createdAt} /></dd></div>
        </dl>}
        {action && <ActionDialog action={action} jobs={[row]} onRow={applyRow} onClose={() => setAction(undefined)} />}
    </>;
}
