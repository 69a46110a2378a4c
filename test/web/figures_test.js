// SPDX-License-Identifier: Apache-2.0
// How large the first page is, and how long it takes.
import {pageOf} from './lib/browser.js';
import {figure, test} from './lib/report.js';

const rounds = 7;
const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

test('figures: the first page', async () => {
    const bytes = [];
    const rows = [];
    const interactive = [];
    for (let i = 0; i < rounds; ++i) {
        const page = await pageOf('alice', '/templates');   // the context is made and logged in; nothing is in its cache that counts
        const cdp = await page.context().newCDPSession(page);
        await cdp.send('Network.enable');
        await cdp.send('Network.setCacheDisabled', {cacheDisabled: true});
        let sum = 0;
        const files = new Set();
        cdp.on('Network.responseReceived', e => { if (['Document', 'Script', 'Stylesheet', 'Font'].includes(e.type)) files.add(e.requestId); });
        cdp.on('Network.loadingFinished', e => { if (files.has(e.requestId)) sum += e.encodedDataLength; });
        await page.addInitScript(() => {
            window.longEnd = 0;
            new PerformanceObserver(l => { for (const e of l.getEntries()) window.longEnd = Math.max(window.longEnd, e.startTime + e.duration); }).observe({type: 'longtask', buffered: true});
            const watch = new MutationObserver(() => {
                if (document.querySelector('tbody tr') === null) return;
                watch.disconnect();
                requestAnimationFrame(() => setTimeout(() => { window.rowsAt = performance.now(); }));
            });
            watch.observe(document, {subtree: true, childList: true});
        });
        await page.goto(page.url().replace('/templates', '/jobs?mine=false'));
        await page.waitForFunction(() => window.rowsAt !== undefined);
        await page.waitForTimeout(1500);   // a task that was under way may be reported later
        const {at, long} = await page.evaluate(() => ({at: window.rowsAt, long: window.longEnd}));
        rows.push(at);
        interactive.push(Math.max(at, long));
        bytes.push(sum);
        await page.context().close();
    }
    figure('first_page_gzip_kb', (median(bytes) / 1000).toFixed(1), 'KB', '<= 60');
    figure('first_page_rows_ms', Math.round(median(rows)), 'ms');
    figure('jobs_interactive_ms', Math.round(median(interactive)), 'ms', '<= 1500');
    figure('jobs_interactive_max_ms', Math.round(Math.max(...interactive)), 'ms');
}, {seconds: 180});
