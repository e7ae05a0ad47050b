import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { probe } from '../../../lib/cluster/probe.ts'
import type { Scope } from '../../../test/kit/clean-up.ts'
import { type Place, startProcess } from '../../../test/kit/private-process.ts'
import { type Running, runningBinary } from './running.ts'

const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so'
const DEBIAN_PACKAGE = 'libnginx-mod-nchan'
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'] as const

/** nginx with nchan in one process: what is posted to a channel goes to the clients of all channels that they name. */
export async function startNchan(scope: Scope): Promise<Running> {
  if (!existsSync(MODULE))
    throw new Error(`expected ${MODULE}, found none; on Debian: apt-get install ${DEBIAN_PACKAGE}`)
  const nginx = await startProcess(scope, {
    name: 'nchan',
    binary: 'nginx',
    prepare: place => writeFile(join(place.dir, 'nginx.conf'), configOf(place)),
    args: ({ dir }) => ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', 'stderr'],
    ready: ({ port }) => probe(port, 'GET / HTTP/1.0\r\n\r\n', reply => reply.startsWith('HTTP/1.1'))
  })
  return runningBinary(nginx.pid(), nginx.port, nginx.port)
}

function configOf({ port, dir }: Place): string {
  return `load_module ${MODULE};
daemon off;
master_process off;
pid ${dir}/nginx.pid;
error_log stderr crit;
events { worker_connections 12000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
${TEMPORARY.map(name => `  ${name}_temp_path ${dir}/${name};`).join('\n')}
  nchan_shared_memory_size 512M;
  server {
    listen 127.0.0.1:${port};
    location ~ ^/pub/(.+)$ {
      nchan_publisher http;
      nchan_channel_id $1;
      nchan_message_buffer_length 4000;
      nchan_message_timeout 5s;
    }
    location ~ ^/sub/(.+)$ {
      nchan_subscriber websocket;
      nchan_channel_id $1;
      nchan_channel_id_split_delimiter ",";
      nchan_subscriber_first_message newest;
    }
  }
}
`
}
