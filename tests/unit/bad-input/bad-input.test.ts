import { campaign } from './campaign.ts';

campaign({ scale: 1, seed: 20_261_122 });
