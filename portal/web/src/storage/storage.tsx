// SPDX-License-Identifier: Apache-2.0
// Storages: where one's folders are, on the nodes and from Windows, and how much is free.
import {useEffect, useState} from 'preact/hooks';
import {call} from '../api/client';
import {asApiError, isAbort, type ApiError} from '../api/problem';
import type {Storage} from '../api/types';
import {me} from '../session/session';
import {Icon} from '../shell/icons';
import {Badge, Copyable, Empty, ErrorBox, Loading, Meter} from '../shell/parts';
import {bytes} from '../shell/time';
import '../style/storage.css';

const refreshMs = 30_000;
const layouts: Record<Storage['layout'], string> = {shared: 'One folder for everybody', perUser: 'A folder for each user', perJob: 'A folder for each job, with its logs'};

export function StoragePage(_: {rest: string[]}) {
    const [items, setItems] = useState<Storage[]>();
    const [problem, setProblem] = useState<ApiError>();
    useEffect(() => {
        const abort = new AbortController();
        const load = () => call('get', '/api/v1/cluster/storages', {signal: abort.signal}).then(page => { setItems(page.items); setProblem(undefined); },
            thrown => { if (!isAbort(thrown)) setProblem(asApiError(thrown)); });
        void load();
        const timer = setInterval(() => { if (document.visibilityState === 'visible') void load(); }, refreshMs);
        return () => { clearInterval(timer); abort.abort(); };
    }, []);
    const who = me.value;
    return <>
        <div class="page-head"><h1>Storage</h1>{who?.user && <span class="muted">Your jobs run as {who.user.name} (uid {who.user.uid})</span>}</div>
        {who?.userProblem && <div class="box warn"><Icon name="hand" />{who.userProblem}</div>}
        {problem && <ErrorBox problem={problem} />}
        {items === undefined && !problem && <Loading what="storages" />}
        {items?.length === 0 && <Empty title="No storage is set up"><p class="muted">An administrator names them in the cluster's settings (cluster.storages). Until then nothing of what jobs write is kept.</p></Empty>}
        <ul class="storages">{items?.map(s => <li key={s.name}><One storage={s} /></li>)}</ul>
    </>;
}

function One({storage: s}: {storage: Storage}) {
    const healthy = s.nodesTotal === undefined || s.nodesHealthy === s.nodesTotal;
    return (
        <section class="panel" aria-label={`Storage ${s.name}`}>
            <div class="panel-head">
                <h2>{s.name}</h2>
                {s.readOnly && <span class="tag">Read-only</span>}
                {s.nodesTotal !== undefined && <Badge tone={healthy ? 'good' : s.nodesHealthy === 0 ? 'bad' : 'ask'} icon={healthy ? 'check' : 'hand'}>{healthy ? `Healthy on ${s.nodesTotal === 1 ? 'one node' : `all ${s.nodesTotal} nodes`}` : `Healthy on ${s.nodesHealthy ?? 0} of ${s.nodesTotal} nodes`}</Badge>}
            </div>
            <p class="muted">{layouts[s.layout]}</p>
            {s.message && <div class="box warn"><Icon name="hand" />{s.message}</div>}
            <dl class="facts">
                {s.path && <><dt>{s.layout === 'shared' ? 'Folder' : 'Your folder'}</dt><dd><Copyable text={s.path} what="the folder" /></dd></>}
                {s.smb && <><dt>From Windows</dt><dd><Copyable text={s.smb} what="the SMB address" /></dd></>}
                <dt>In a job</dt><dd><Copyable text={`- {name: ${s.name}, mountPath: /${s.name}${s.readOnly ? ', readOnly: true' : ''}}`} what="the line for spec.storage" /></dd>
            </dl>
            {s.quotaBytes !== undefined && s.quotaFree !== undefined && <Space title="Your quota" total={s.quotaBytes} free={s.quotaFree} />}
            {s.bytesTotal !== undefined && s.bytesFree !== undefined && <Space title="All of it" total={s.bytesTotal} free={s.bytesFree} />}
        </section>
    );
}

function Space({title, total, free}: {title: string; total: number; free: number}) {
    const used = Math.max(0, total - free);
    return (
        <div class="space">
            <span>{title}</span><Meter value={used} max={total} label={`${title}: ${bytes(used)} of ${bytes(total)} used`} />
            <span class="muted small">{bytes(free)} free of {bytes(total)}{total > 0 && free / total < 0.1 && <strong class="low"> almost full</strong>}</span>
        </div>
    );
}
