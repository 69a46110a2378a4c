// SPDX-License-Identifier: Apache-2.0
import {find, type Search} from './search';

addEventListener('message', (event: MessageEvent<{id: number; lines: string[]; search: Search}>) => {
    const {id, lines, search} = event.data;
    postMessage({id, hits: find(lines, search)});
});
