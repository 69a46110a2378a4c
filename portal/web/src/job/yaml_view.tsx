// SPDX-License-Identifier: Apache-2.0
// The job's manifest, as it is stored or as it can be submitted again.
import {useEffect, useState} from 'preact/hooks';
import {manifestYaml} from '../api/client';
import {asApiError, isAbort, type ApiError} from '../api/problem';
import type {JobDetail} from '../api/types';
import {CopyButton, ErrorBox, Loading} from '../shell/parts';

export function YamlView({detail: {row}}: {detail: JobDetail}) {
    const [purpose, setPurpose] = useState<'view' | 'clone'>('view');
    const [text, setText] = useState<string>();
    const [problem, setProblem] = useState<ApiError>();
    useEffect(() => {
        const abort = new AbortController();
        manifestYaml(row.namespace, row.name, purpose, abort.signal)
            .then(yaml => { setText(yaml); setProblem(undefined); }, thrown => { if (!isAbort(thrown)) setProblem(asApiError(thrown)); });
        return () => abort.abort();
    }, [row.namespace, row.name, row.resourceVersion, purpose]);
    const download = () => {
        const link = document.createElement('a');
        link.href = URL.createObjectURL(new Blob([text ?? ''], {type: 'application/octet-stream'}));
        link.download = `${row.name}.yaml`;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    };
    return <>
        <div class="filters">
            <div class="segmented" role="group" aria-label="Which manifest">
                <button type="button" aria-pressed={purpose === 'view'} onClick={() => setPurpose('view')}>As stored</button>
                <button type="button" aria-pressed={purpose === 'clone'} onClick={() => setPurpose('clone')}>To submit again</button>
            </div>
            <span class="spring" />
            {text !== undefined && <><CopyButton text={text} what="the YAML" /><button type="button" onClick={download}>Download</button></>}
        </div>
        {problem && <ErrorBox problem={problem} />}
        {text === undefined && !problem && <Loading what="YAML" />}
        {text !== undefined && <pre class="panel yaml" tabIndex={0} role="region" aria-label="YAML of the job">{text}</pre>}
    </>;
}
