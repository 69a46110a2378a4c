// SPDX-License-Identifier: Apache-2.0
// The log viewer of a job.
import {useEffect, useMemo, useState} from 'preact/hooks';
import {call, queryOf} from '../api/client';
import type {ArchiveState, JobDetail, LogSource} from '../api/types';
import {Dialog} from '../shell/dialog';
import {addShortcuts} from '../shell/keyboard';
import {CopyButton, ErrorBox} from '../shell/parts';
import {urlState} from '../shell/router';
import '../style/log.css';
import {LogList} from './list';
import type {LineLook} from './line';
import {logFields, longerTail, minSeverity, sourceKey, sourceQuery, type LogQuery} from './query';
import {Searcher} from './searcher';
import {LogSession} from './store';
import {LogStatus} from './status';
import {visible, plain} from './text';
import {LogToolbar} from './toolbar';
import {Shown} from './view';

const maxRanks = 64;   // of the contract

export function Logs({detail}: {detail: JobDetail}) {
    const {namespace, name} = detail.row;
    const url = useMemo(() => urlState<LogQuery>(logFields), []);
    const q = url.get();
    // Of more pods than one stream may have the first ones are shown until others are chosen.
    const pods = Number(detail.row.ready.split('/')[1] ?? 0);
    const few = q.rank.length === 0 && pods > maxRanks;
    const asked = few ? {...q, rank: Array.from({length: maxRanks}, (_, i) => i)} : q;
    const key = sourceKey(asked);
    const [opened, setOpened] = useState<{key: string; session: LogSession}>();
    const sources = useSources(namespace, name, detail.row.attempt);

    useEffect(() => {
        const session = new LogSession(namespace, name, asked);
        setOpened({key, session});
        return () => session.close();
    }, [namespace, name, key]);

    if (!detail.can.readLogs) return <div class="box warn">You may not read the logs of this job (get pods/log in {namespace}).</div>;
    if (opened?.key !== key) return null;   // it is still the log that was asked for before
    return <>
        {few && <div class="box info">The first {maxRanks} of {pods.toLocaleString('en')} ranks are shown; choose others below.</div>}
        <Viewer key={key} session={opened.session} q={q} set={url.set} sources={sources} download={downloadHref(namespace, name, asked)} />
    </>;
}

export interface Sources { items: LogSource[]; archive: ArchiveState | undefined; total: number }

function useSources(namespace: string, job: string, attempt: number): Sources {
    const [sources, setSources] = useState<Sources>({items: [], archive: undefined, total: 0});
    useEffect(() => {
        const abort = new AbortController();
        call('get', '/api/v1/namespaces/{namespace}/jobs/{job}/logs/sources', {path: {namespace, job}, query: {limit: 500}, signal: abort.signal})
            .then(setSources, () => undefined);   // menus then have less in them; the lines themselves tell what is wrong
        return () => abort.abort();
    }, [namespace, job, attempt]);
    return sources;
}

function downloadHref(namespace: string, job: string, q: LogQuery): string {
    return `/api/v1/namespaces/${encodeURIComponent(namespace)}/jobs/${encodeURIComponent(job)}/logs/text${queryOf({...sourceQuery({...q, tail: 'all'}), timestamps: true})}`;
}

interface ViewerProps { session: LogSession; q: LogQuery; set: (change: Partial<LogQuery>, replace?: boolean) => void; sources: Sources; download: string }

function Viewer({session, q, set, sources, download}: ViewerProps) {
    const {ring} = session;
    const searcher = useMemo(() => new Searcher(ring), [session]);
    const [hit, setHit] = useState(-1);
    const [target, setTarget] = useState<{seq: number; nonce: number}>();
    const [whole, setWhole] = useState<number>();
    const lines = session.version.value;
    const found = searcher.version.value;

    useEffect(() => () => searcher.stop(), [searcher]);
    useEffect(() => { searcher.set({text: q.q, regex: q.regex}); setHit(-1); }, [searcher, q.q, q.regex]);
    useEffect(() => searcher.update(), [lines]);

    const only = q.only && q.q !== '';
    const least = minSeverity(q.level);
    // Hits alone are the list itself; a level is a look at each line, which is kept and goes on with the lines.
    const byLevel = useMemo(() => new Shown(ring, least === 0 ? undefined : seq => ring.severity(seq) >= least), [ring, least]);
    const byHit = useMemo(() => only ? Shown.of(ring, least === 0 ? searcher.hits.slice() : searcher.hits.filter(seq => ring.severity(seq) >= least)) : undefined, [only, found, lines, least]);
    useMemo(() => byLevel.update(), [lines, byLevel]);
    const shown = byHit ?? byLevel;

    const pointed = q.at === '' ? -1 : lineAt(q.at, ring);
    const [pointedOnce, setPointedOnce] = useState(false);
    useEffect(() => {
        if (pointed < 0 || pointedOnce || ring.at(ring.end - 1) < Date.parse(q.at)) return;
        setPointedOnce(true);
        set({follow: false});
        setTarget({seq: pointed, nonce: Math.random()});
    }, [pointed, lines]);

    const go = (step: number) => {
        const {hits} = searcher;
        if (hits.length === 0) return;
        const next = hit < 0 ? (step > 0 ? 0 : hits.length - 1) : (hit + step + hits.length) % hits.length;
        setHit(next);
        set({follow: false});
        setTarget({seq: hits[next]!, nonce: Math.random()});
    };
    useEffect(() => addShortcuts([
        {keys: 'n', what: 'Logs: next match', run: () => go(1)},
        {keys: 'N', what: 'Logs: match before', run: () => go(-1)},
        {keys: 'f', what: 'Logs: follow, or stop following', run: () => set({follow: !q.follow})},
        {keys: 'w', what: 'Logs: wrap lines, or not', run: () => set({wrap: !q.wrap})},
        {keys: 't', what: 'Logs: times off, local, UTC', run: () => set({times: q.times === 'off' ? 'local' : q.times === 'local' ? 'utc' : 'off'})},
    ]), [hit, q.follow, q.wrap, q.times, found]);

    const several = new Set(sources.items.map(s => s.rank)).size > 1 && q.rank.length !== 1;
    const names = useMemo(() => new Map(sources.items.map(s => [s.rank, `${s.role}-${s.index}`])), [sources]);
    const label = several || q.attempt === 'all'
        ? (rank: number, attempt: number) => `${names.get(rank) ?? rank}${q.attempt === 'all' ? `.${attempt}` : ''}` : undefined;
    const current = searcher.hits[hit] ?? -1;
    const longer = session.state.value === 'loading' || ring.dropped > 0 ? undefined : longerTail(q, ring.size);
    const look: LineLook = {
        version: [q.times, q.wrap, q.q, q.regex, found, current, pointed, names.size, several, q.attempt].join(),
        wrap: q.wrap, times: q.times, label, search: {text: q.q, regex: q.regex}, searcher, current, pointed,
        onPoint: seq => { set({at: new Date(ring.at(seq)).toISOString(), follow: false}); setPointedOnce(true); },
        onWhole: setWhole,
    };
    return (
        <div class="log-viewer">
            <LogToolbar q={q} set={set} sources={sources} searcher={searcher} hit={hit} go={go} download={download} />
            {session.problem.value && <ErrorBox problem={session.problem.value} />}
            <div class="log-frame">
                {shown.count === 0 && <EmptyLog session={session} filtered={ring.size > 0} />}
                <LogList ring={ring} shown={shown} version={`${lines} ${only ? found : ''} ${least}`} follow={q.follow}
                    onFollow={follow => set({follow})} target={target} look={look} />
                {!q.follow && <button type="button" class="to-end primary" onClick={() => set({follow: true})}>Follow the end</button>}
            </div>
            <LogStatus session={session} shown={shown} lines={lines} sources={sources} onEarlier={longer && (() => set({tail: longer, follow: false, at: new Date(ring.at(ring.first)).toISOString()}))} />
            {whole !== undefined && (
                <Dialog title="The whole line" wide onClose={() => setWhole(undefined)}>
                    <p><CopyButton text={plain(ring.text(whole))} what="the line" /></p>
                    <pre class="whole">{visible(plain(ring.text(whole)))}</pre>
                </Dialog>
            )}
        </div>
    );
}

function EmptyLog({session, filtered}: {session: LogSession; filtered: boolean}) {
    const text = filtered ? 'No line fits the filter.'
        : session.state.value === 'loading' || session.state.value === 'connecting' ? 'Loading lines…'
        : session.ended.value !== undefined ? 'Nothing was printed.' : 'Nothing is printed yet. Lines appear as soon as a pod prints them.';
    return <p class="log-empty" role="status">{text}</p>;
}

/** The first line printed at that time or later; -1: none. Lines of one rank are in order, which is near enough. */
function lineAt(iso: string, ring: {first: number; end: number; at: (seq: number) => number}): number {
    const wanted = Date.parse(iso);
    let low = ring.first;
    let high = ring.end;
    while (low < high) {
        const middle = Math.floor((low + high) / 2);
        if (ring.at(middle) < wanted) low = middle + 1; else high = middle;
    }
    return low < ring.end ? low : -1;
}
