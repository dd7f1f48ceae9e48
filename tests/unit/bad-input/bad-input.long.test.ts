import { campaign } from './campaign.ts';

campaign({ scale: 25, seed: 8 });
