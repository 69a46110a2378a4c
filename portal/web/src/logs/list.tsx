// SPDX-License-Identifier: Apache-2.0
// The virtual list of lines: some sixty rows are in the document, whatever the log's length.
import {useLayoutEffect, useMemo, useRef, useState} from 'preact/hooks';
import type {Shown} from './view';
import {listHeight, rowAt, scrollFor, type Scale} from './view';
import type {LogRing} from './ring';
import {Line, type LineLook} from './line';

const rowHeight = 20;   // of style/log.css
const spare = 8;        // rows beyond the edges, so that scrolling shows no gaps

interface Props {
    ring: LogRing;
    shown: Shown;
    /** Changes when lines came, went, or are others. */
    version: unknown;
    follow: boolean;
    onFollow: (follow: boolean) => void;
    /** A line to bring into view; another `nonce` does so again. */
    target: {seq: number; nonce: number} | undefined;
    look: LineLook;
}

export function LogList({ring, shown, version, follow, onFollow, target, look}: Props) {
    const box = useRef<HTMLDivElement>(null);
    const rows = useRef<HTMLDivElement>(null);
    const [scrollTop, setScrollTop] = useState(0);
    const [viewport, setViewport] = useState(600);
    const [height, setHeight] = useState(rowHeight);   // of a row, on the average of those seen
    const expected = useRef(-1);
    const anchor = useRef<{seq: number; part: number}>({seq: ring.first, part: 0});
    const pending = useRef(0);
    const done = useRef(-1);

    const scale: Scale = {count: shown.count, rowHeight: look.wrap ? height : rowHeight, viewport};
    const bottom = listHeight(scale) - viewport;
    const atEnd = follow || (look.wrap && scrollTop >= bottom - 1);
    const fit = Math.ceil(viewport / rowHeight) + spare;
    const top = atEnd ? Math.max(0, shown.count - fit) : Math.max(0, Math.floor(rowAt(scrollTop, scale)) - (look.wrap ? 0 : spare));
    const last = Math.min(shown.count, top + fit + spare);

    const scrollTo = (position: number) => {
        const node = box.current;
        if (node === null || Math.abs(node.scrollTop - position) < 1) return;
        node.scrollTop = position;
        expected.current = node.scrollTop;
        setScrollTop(node.scrollTop);
    };

    // After lines came or went the same lines stay in view: the end while following, else what is at the top.
    useLayoutEffect(() => {
        if (follow) {
            scrollTo(bottom);
            // Should following end otherwise than by scrolling, this is what is looked at.
            const row = rowAt(bottom, scale);
            anchor.current = {seq: shown.seqAt(Math.floor(row)), part: row - Math.floor(row)};
        } else scrollTo(scrollFor(shown.indexOf(anchor.current.seq) + anchor.current.part, scale));
    }, [version, follow, viewport, look.wrap, shown, height]);

    useLayoutEffect(() => {
        if (target === undefined || target.nonce === done.current) return;
        done.current = target.nonce;
        const row = Math.max(0, shown.indexOf(target.seq) - Math.floor(viewport / rowHeight / 3));
        anchor.current = {seq: shown.seqAt(row), part: 0};
        scrollTo(scrollFor(row, scale));
    });

    useLayoutEffect(() => {
        const node = box.current;
        if (node === null) return;
        const observer = new ResizeObserver(() => setViewport(node.clientHeight));
        observer.observe(node);
        setViewport(node.clientHeight);
        return () => observer.disconnect();
    }, []);

    useLayoutEffect(() => {
        if (!look.wrap || rows.current === null || last <= top) return;
        const average = rows.current.offsetHeight / (last - top);
        if (Math.abs(average - height) > height / 4) setHeight(average);
    });

    const onScroll = () => {
        const node = box.current;
        if (node === null || Math.abs(node.scrollTop - expected.current) < 1) return;
        cancelAnimationFrame(pending.current);
        pending.current = requestAnimationFrame(() => {
            const now = node.scrollTop;
            expected.current = now;
            const row = rowAt(now, scale);
            anchor.current = {seq: shown.seqAt(Math.floor(row)), part: row - Math.floor(row)};
            setScrollTop(now);
            const end = now >= listHeight(scale) - node.clientHeight - 2;
            if (end !== follow) onFollow(end);
        });
    };

    const seqs = useMemo(() => Array.from({length: Math.max(0, last - top)}, (_, i) => shown.seqAt(top + i)), [top, last, version, shown]);
    const place = atEnd ? {top: 'auto', bottom: '0'} : {top: `${scrollTop - (rowAt(scrollTop, scale) - top) * scale.rowHeight}px`, bottom: 'auto'};
    return (
        <div class={`log ${look.wrap ? 'wrap' : ''}`} ref={box} tabIndex={0} role="region" aria-label="Lines of the log" onScroll={onScroll}>
            <div class="log-space" style={{height: `${listHeight(scale)}px`}}>
                <div class="log-rows" ref={rows} style={place}>
                    {seqs.map(seq => <Line key={seq} ring={ring} seq={seq} look={look} version={look.version} />)}
                </div>
            </div>
        </div>
    );
}
