// Runner `http`: HTTP requests from a job worker.
import { httpQuery } from '../alerts/http.ts'
import { runner } from '../functions/define.ts'

export const query = runner(httpQuery)
